from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.children import REPOSITORY
from infra.local.firehose.buffers import Buffer, arrival_of, buffer_lines, lines_of, record_of


@pytest.mark.parametrize(
    ("record", "records"),
    [
        (b'{"a":1}', [b'{"a":1}']),
        (b'{"a":1}\n', [b'{"a":1}']),
        (b'{\n "a": 1\n}', [b'{"a":1}']),
        (b'{"a":1}\n{"a":2}\n', [b'{"a":1}', b'{"a":2}']),
        (b'{"a":\n oops', [b'{"a":\n oops']),
        (b"[1]", [b"[1]"]),
        (b'"text"', [b'"text"']),
        (b"\xff\x00", [b"\xff\x00"]),
    ],
)
def test_a_record_comes_back_from_its_lines(record: bytes, records: list[bytes]) -> None:
    lines = buffer_lines(record)
    assert all(b"\n" not in line for line in lines)
    assert [record_of(line) for line in lines] == records


@pytest.mark.fault
def test_what_was_taken_is_there_after_a_crash(tmp_path: Path) -> None:
    script = f"""
import os, pathlib
from infra.local.firehose.buffers import Buffer
Buffer(pathlib.Path({str(tmp_path)!r})).append([b'{{"a":1}}', b'{{"a":2}}'])
os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=False).returncode == 9
    (left,) = Buffer(tmp_path).sealed()
    assert lines_of(left) == [b'{"a":1}', b'{"a":2}']


def test_a_line_that_a_crash_cut_off_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "00000000001000000000.sealed"
    path.write_bytes(b'{"a":1}\n{"a":')
    assert lines_of(path) == [b'{"a":1}']
    assert arrival_of(path) == 1.0


def test_a_sealed_buffer_takes_no_more(tmp_path: Path) -> None:
    buffer = Buffer(tmp_path)
    buffer.append([b"{}"])
    assert buffer.size == 3
    buffer.seal()
    assert buffer.size == 0
    buffer.append([b'{"a":1}'])
    buffer.seal()
    assert [lines_of(path) for path in buffer.sealed()] == [[b"{}"], [b'{"a":1}']]


def test_an_empty_buffer_leaves_no_file(tmp_path: Path) -> None:
    buffer = Buffer(tmp_path)
    buffer.append([])
    buffer.seal()
    assert buffer.sealed() == []
