from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

from infra.local.athena.objects import ObjectStore, StoredObject

ITEM = StoredObject("bucket", "key", "etag", 4)


class Bucket:
    """Answers a fetch when all who want the object are there."""

    def __init__(self) -> None:
        self.both_are_here = threading.Event()
        self.asked = 0

    def get_object(self, **_: Any) -> dict[str, Any]:
        self.asked += 1
        self.both_are_here.wait()
        return {"Body": Body(b"data")}


class Body(io.BytesIO):
    def iter_chunks(self, size: int) -> list[bytes]:
        return [self.getvalue()]


def test_two_queries_that_want_one_object_at_once_fetch_it_once_and_share_the_copy(tmp_path: Path) -> None:
    bucket = Bucket()
    store = ObjectStore(bucket, tmp_path)  # type: ignore[arg-type]
    inodes: list[int] = []

    def query() -> None:
        (path,) = store.fetch([ITEM])
        inodes.append(path.stat().st_ino)

    queries = [threading.Thread(target=query) for _ in range(2)]
    for thread in queries:
        thread.start()
    bucket.both_are_here.set()
    for thread in queries:
        thread.join()
    store.close()
    (kept,) = (tmp_path / "objects").iterdir()
    assert kept.read_bytes() == b"data"
    assert inodes == [kept.stat().st_ino] * 2, "a copy was replaced while another query held it"
    assert store._total == 4
    assert bucket.asked == 1
