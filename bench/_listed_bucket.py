"""S3 as a lister sees it: one bucket of many objects in pages made beforehand, all others empty.

`python -m bench._listed_bucket OBJECTS PARTITIONS BUCKET` prints its URL and serves until it is stopped.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

PAGE = 1000  # keys an answer, as S3's
XMLNS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
FIRST_COHORT, COHORTS = 2026, 10
OLD_COHORT = 2020  # of the first partition: its time is over


def keys(objects: int, partitions: int) -> list[str]:
    """The keys of a lake table, in S3's order; the first partition is of `OLD_COHORT`."""
    made = []
    for number in range(partitions):
        cohort = FIRST_COHORT + number % COHORTS if number else OLD_COHORT
        folder = (
            f"lake/behavior_events/graduation_year={cohort}/year=2026/month=02/"
            f"school_id=school_{number // COHORTS:04d}/gen=0000/"
        )
        made += [f"{folder}part-{each:05d}.parquet" for each in range(objects // partitions)]
    return sorted(made)


class Listing(BaseHTTPRequestHandler):
    """Answers what a lister asks."""

    protocol_version = "HTTP/1.1"
    bucket: ClassVar[str]
    pages: ClassVar[dict[str, bytes]]  # by the key after which they begin
    folders: ClassVar[list[str]]

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        mine = url.path.strip("/") == self.bucket
        if "lifecycle" in asked:
            self._answer(404, b"<Error><Code>NoSuchLifecycleConfiguration</Code></Error>")
        elif "versions" in asked:
            empty = f"<ListVersionsResult {XMLNS}><IsTruncated>false</IsTruncated></ListVersionsResult>"
            self._answer(200, self.pages[asked.get("key-marker", "")] if mine else empty.encode())
        else:
            prefix = asked.get("prefix", "")
            found = sorted(set(_cut(prefix, self.folders))) if mine else []
            told = "".join(f"<CommonPrefixes><Prefix>{each}</Prefix></CommonPrefixes>" for each in found)
            body = f"<ListBucketResult {XMLNS}><IsTruncated>false</IsTruncated>{told}</ListBucketResult>"
            self._answer(200, body.encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


def _cut(prefix: str, folders: list[str]) -> Iterator[str]:
    for folder in folders:
        if folder.startswith(prefix):
            yield folder[: folder.index("/", len(prefix)) + 1]


def _page(some: list[str], *, more: bool) -> bytes:
    told = "".join(
        f"<Version><Key>{key}</Key><VersionId>{number:032x}</VersionId><IsLatest>true</IsLatest>"
        "<LastModified>2026-02-03T15:00:00.000Z</LastModified>"
        f'<ETag>"{number:032x}"</ETag><Size>1048576</Size><StorageClass>STANDARD</StorageClass></Version>'
        for number, key in enumerate(some)
    )
    next_key = f"<NextKeyMarker>{some[-1]}</NextKeyMarker><NextVersionIdMarker>v</NextVersionIdMarker>"
    return (
        f"<ListVersionsResult {XMLNS}><IsTruncated>{str(more).lower()}</IsTruncated>"
        f"{next_key if more else ''}{told}</ListVersionsResult>"
    ).encode()


def main() -> None:
    """Serves."""
    made = keys(int(sys.argv[1]), int(sys.argv[2]))
    starts = range(0, len(made), PAGE)
    Listing.bucket = sys.argv[3]
    Listing.folders = sorted({key.rpartition("/")[0] + "/" for key in made})
    Listing.pages = {
        made[start - 1] if start else "": _page(made[start : start + PAGE], more=start + PAGE < len(made))
        for start in starts
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), Listing)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
