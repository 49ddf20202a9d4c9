from __future__ import annotations

import pytest

from infra.local.iam.key_conditions import UnreadableRequestError
from infra.local.iam.s3 import requests


@pytest.mark.parametrize(
    ("method", "path", "query", "action", "resource"),
    [
        ("PUT", "/reports/a/b c.json", "", "s3:PutObject", "arn:aws:s3:::reports/a/b c.json"),
        ("PUT", "/reports/a", "x-id=PutObject", "s3:PutObject", "arn:aws:s3:::reports/a"),
        ("GET", "/reports/a", "", "s3:GetObject", "arn:aws:s3:::reports/a"),
        ("HEAD", "/reports/a", "", "s3:GetObject", "arn:aws:s3:::reports/a"),
        ("DELETE", "/reports/a", "", "s3:DeleteObject", "arn:aws:s3:::reports/a"),
        ("GET", "/reports", "list-type=2&prefix=a%2F", "s3:ListBucket", "arn:aws:s3:::reports"),
        ("GET", "/reports/", "list-type=2", "s3:ListBucket", "arn:aws:s3:::reports"),
        ("GET", "/reports", "lifecycle", "s3:GetLifecycleConfiguration", "arn:aws:s3:::reports"),
        ("PUT", "/reports", "lifecycle=", "s3:PutLifecycleConfiguration", "arn:aws:s3:::reports"),
        ("GET", "/reports", "versions&prefix=a", "s3:ListBucketVersions", "arn:aws:s3:::reports"),
    ],
)
def test_a_request_is_about_the_object_or_the_bucket_in_its_path(
    method: str, path: str, query: str, action: str, resource: str
) -> None:
    assert [(each.action, each.resource) for each in requests(method, path, query)] == [(action, resource)]


def test_a_list_says_what_it_asks_for_to_conditions() -> None:
    (some,) = requests("GET", "/reports", "list-type=2&prefix=a%2Fb")
    assert some.context == {"s3:prefix": "a/b"}
    (everything,) = requests("GET", "/reports", "list-type=2")
    assert everything.context == {}
    assert everything.known("s3:prefix")


def test_a_copy_also_reads_what_it_copies() -> None:
    asked = requests("PUT", "/lake/b", "", copied="lake/a%20c")
    assert [(each.action, each.resource) for each in asked] == [
        ("s3:GetObject", "arn:aws:s3:::lake/a c"),
        ("s3:PutObject", "arn:aws:s3:::lake/b"),
    ]


def test_deleting_many_asks_for_each_and_a_version_for_more() -> None:
    body = (
        b'<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Object><Key>a</Key></Object>'
        b"<Object><Key>b</Key><VersionId>1</VersionId></Object><Quiet>true</Quiet></Delete>"
    )
    assert [(each.action, each.resource) for each in requests("POST", "/lake", "delete", body)] == [
        ("s3:DeleteObject", "arn:aws:s3:::lake/a"),
        ("s3:DeleteObjectVersion", "arn:aws:s3:::lake/b"),
    ]


@pytest.mark.parametrize("body", [b"", b"<Delete>", b"<Delete></Delete>"])
def test_a_deletion_that_names_nothing_is_not_guessed(body: bytes) -> None:
    with pytest.raises(UnreadableRequestError, match="DeleteObjects of lake"):
        list(requests("POST", "/lake", "delete", body))


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("GET", "/", ""),
        ("PUT", "/reports", ""),
        ("PUT", "/reports/a", "acl="),
        ("PUT", "/reports/a", "uploadId=1&partNumber=1"),
        ("GET", "/reports", "policy"),
        ("DELETE", "/reports", "lifecycle"),
        ("GET", "/reports", "lifecycle&policy"),
        ("POST", "/reports", "restore"),
    ],
)
def test_other_operations_are_not_guessed(method: str, path: str, query: str) -> None:
    with pytest.raises(UnreadableRequestError, match="none of the operations"):
        list(requests(method, path, query))
