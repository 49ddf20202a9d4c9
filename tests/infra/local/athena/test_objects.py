from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

from infra.local.athena.objects import ObjectStore, StoredObject

ITEM = StoredObject("bucket", "key", "etag", 4)


class Bucket:
    """Answers two fetches of an object at the same moment."""

    def __init__(self) -> None:
        self.both_asked = threading.Barrier(2, timeout=10)

    def get_object(self, **_: Any) -> dict[str, Any]:
        self.both_asked.wait()
        return {"Body": Body(b"data")}


class Body(io.BytesIO):
    def iter_chunks(self, size: int) -> list[bytes]:
        return [self.getvalue()]


def test_two_queries_that_fetch_one_object_at_once_share_the_first_copy(tmp_path: Path) -> None:
    store = ObjectStore(Bucket(), tmp_path)  # type: ignore[arg-type]
    inodes: list[int] = []

    def query() -> None:
        (path,) = store.fetch([ITEM])
        inodes.append(path.stat().st_ino)

    queries = [threading.Thread(target=query) for _ in range(2)]
    for thread in queries:
        thread.start()
    for thread in queries:
        thread.join()
    store.close()
    (kept,) = (tmp_path / "objects").iterdir()
    assert kept.read_bytes() == b"data"
    assert inodes == [kept.stat().st_ino] * 2, "a copy was replaced while another query held it"
    assert store._total == 4
