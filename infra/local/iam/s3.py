"""Requests to S3 as questions to the policies: the few operations on objects that our roles call."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl

from infra.local.iam.key_conditions import UnreadableRequestError
from infra.local.iam.policies import Request

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


# Sub-resources of a bucket.
_OF_A_BUCKET = {
    "GET lifecycle": "GetLifecycleConfiguration",
    "PUT lifecycle": "PutLifecycleConfiguration",
}


def requests(method: str, path: str, query: str) -> Iterator[Request]:
    """What must be allowed before a request may pass.

    Args:
        method: Of HTTP.
        path: Decoded, in path style: `/bucket/key`.
        query: As sent. Sub-resources such as `?acl` are other operations, which no role of ours calls.

    Raises:
        UnreadableRequestError: It is none of the operations that are read here.
    """
    bucket, _, key = path.lstrip("/").partition("/")
    said = {name for name, _ in parse_qsl(query, keep_blank_values=True)} - _NO_SUBRESOURCE
    if key and method in _OBJECT and not said:
        yield Request(f"s3:{_OBJECT[method]}", f"arn:aws:s3:::{bucket}/{key}")
    elif bucket and not key and method == "GET" and said <= _OF_A_LIST:
        yield Request("s3:ListBucket", f"arn:aws:s3:::{bucket}")
    elif bucket and not key and (action := _OF_A_BUCKET.get(" ".join((method, *said)))):
        yield Request(f"s3:{action}", f"arn:aws:s3:::{bucket}")
    else:
        raise UnreadableRequestError(
            f"s3: {method} {path}?{query} is none of the operations on objects that are read in "
            "infra/local/iam/s3.py"
        )
