"""A delivery stream's buffer: JSON lines on disk, so that a crash loses nothing and memory stays flat."""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import msgspec

# A record that is no single-line JSON object is kept as a JSON string of its base64: no record
# that could be converted begins with a quote.
_QUOTE = b'"'


def buffer_lines(record: bytes) -> list[bytes]:
    """A record as lines of the buffer: one, or one for each JSON object that it holds on lines."""
    record = record.rstrip(b"\r\n")
    if b"\n" not in record:
        return [record if record.startswith(b"{") else _kept_as_is(record)]
    try:
        return [msgspec.json.encode(msgspec.json.decode(record, type=dict[str, Any]))]
    except (msgspec.DecodeError, UnicodeDecodeError):
        parts = [part for part in record.split(b"\n") if part.strip()]
        return parts if all(map(_is_object, parts)) else [_kept_as_is(record)]


def _is_object(text: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


def _kept_as_is(record: bytes) -> bytes:
    return msgspec.json.encode(base64.b64encode(record).decode())


def record_of(line: bytes) -> bytes:
    """The record, or the part of one, that a line stands for."""
    return base64.b64decode(line.strip(_QUOTE)) if line.startswith(_QUOTE) else line


class Buffer:
    """The open buffer of one stream and those that are sealed but not yet delivered.

    Files are named by when their first record arrived; the open one is sealed by renaming it,
    so whatever is found at the start is delivered, too.

    Args:
        directory: Of this stream alone.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._file: IO[bytes] | None = None
        self._path: Path | None = None
        self.size = 0
        self.opened_at = 0.0
        for left_over in sorted(directory.glob("*.open")):
            left_over.rename(left_over.with_suffix(".sealed"))

    def append(self, lines: Sequence[bytes]) -> None:
        """Writes lines; they have reached the operating system when this returns."""
        if not lines:
            return
        if self._file is None:
            self.opened_at = time.time()
            self._path = self._directory / f"{time.time_ns():020d}.open"
            self._file = self._path.open("ab", buffering=0)
        data = b"\n".join(lines) + b"\n"
        self._file.write(data)
        self.size += len(data)

    def seal(self) -> None:
        """Closes the open buffer, if there is one, for delivery."""
        if self._file is None or self._path is None:
            return
        self._file.close()
        self._path.rename(self._path.with_suffix(".sealed"))
        self._file, self._path, self.size = None, None, 0

    def sealed(self) -> list[Path]:
        """Buffers that wait for delivery, oldest first."""
        return sorted(self._directory.glob("*.sealed"))


def arrival_of(path: Path) -> float:
    """When a buffer's first record arrived, seconds since 1970."""
    return int(path.stem) / 1e9


def lines_of(path: Path) -> list[bytes]:
    """All whole lines of a buffer; a last line cut off by a crash was never acknowledged."""
    data = path.read_bytes()
    return [line for line in data[: data.rfind(b"\n") + 1].split(b"\n") if line]
