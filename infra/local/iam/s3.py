"""Requests to S3 as questions to the policies: the few operations on objects that our roles call."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote
from xml.etree import ElementTree

from infra.local.iam.key_conditions import UnreadableRequestError
from infra.local.iam.policies import Request

PREFIX = "s3:prefix"  # the one condition key of S3 that is read here
# A HEAD asks for what a GET may have.
_OBJECT = {"DELETE": "DeleteObject", "GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject"}
_NO_SUBRESOURCE = {"x-id"}  # what the SDKs add to say which operation they mean
_OF_A_LIST = {
    "list-type",
    "prefix",
    "delimiter",
    "continuation-token",
    "max-keys",
    "start-after",
    "encoding-type",
}
_OF_A_LIST_OF_VERSIONS = {
    "versions",
    "prefix",
    "key-marker",
    "version-id-marker",
    "max-keys",
    "encoding-type",
}

# Sub-resources of a bucket.
_OF_A_BUCKET = {
    "GET lifecycle": "GetLifecycleConfiguration",
    "PUT lifecycle": "PutLifecycleConfiguration",
}


def requests(
    method: str, path: str, query: str, body: bytes = b"", copied: str | None = None
) -> Iterator[Request]:
    """What must be allowed before a request may pass; all of it.

    Args:
        method: Of HTTP.
        path: Decoded, in path style: `/bucket/key`.
        query: As sent. Sub-resources such as `?acl` are other operations, which no role of ours calls.
        body: As sent; names the objects of a DeleteObjects.
        copied: The header `x-amz-copy-source`: what a PUT copies.

    Raises:
        UnreadableRequestError: It is none of the operations that are read here.
    """
    bucket, _, key = path.lstrip("/").partition("/")
    said = {name for name, _ in parse_qsl(query, keep_blank_values=True)} - _NO_SUBRESOURCE
    if key and method in _OBJECT and not said:
        if copied is not None:
            yield Request("s3:GetObject", f"arn:aws:s3:::{unquote(copied).lstrip('/')}")
        yield Request(f"s3:{_OBJECT[method]}", f"arn:aws:s3:::{bucket}/{key}")
    elif key and method == "GET" and said == {"versionId"}:
        yield Request("s3:GetObjectVersion", f"arn:aws:s3:::{bucket}/{key}")
    elif bucket and not key and method == "GET" and said <= _OF_A_LIST:
        prefix = dict(parse_qsl(query, keep_blank_values=True)).get("prefix")
        asked = {} if prefix is None else {PREFIX: prefix}
        yield Request("s3:ListBucket", f"arn:aws:s3:::{bucket}", asked, PREFIX.__eq__)
    elif bucket and not key and method == "GET" and "versions" in said and said <= _OF_A_LIST_OF_VERSIONS:
        yield Request("s3:ListBucketVersions", f"arn:aws:s3:::{bucket}")
    elif bucket and not key and method == "POST" and said == {"delete"}:
        yield from _deletions(bucket, body)
    elif bucket and not key and (action := _OF_A_BUCKET.get(" ".join((method, *said)))):
        yield Request(f"s3:{action}", f"arn:aws:s3:::{bucket}")
    else:
        raise UnreadableRequestError(
            f"s3: {method} {path}?{query} is none of the operations on objects that are read in "
            "infra/local/iam/s3.py"
        )


def _deletions(bucket: str, body: bytes) -> Iterator[Request]:
    """DeleteObjects asks for each of its objects; a version is another action than the object."""
    try:
        document = ElementTree.fromstring(body)  # noqa: S314 - sent by a client of this machine
    except ElementTree.ParseError as error:
        raise UnreadableRequestError(f"s3: DeleteObjects of {bucket}: its body is no XML: {error}") from error
    objects = document.findall("{*}Object")
    if not objects:
        raise UnreadableRequestError(f"s3: DeleteObjects of {bucket} names no object")
    for each in objects:
        action = "DeleteObject" if each.find("{*}VersionId") is None else "DeleteObjectVersion"
        yield Request(f"s3:{action}", f"arn:aws:s3:::{bucket}/{each.findtext('{*}Key')}")
