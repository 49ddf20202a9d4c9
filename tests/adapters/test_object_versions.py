from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from adapters.aws import client
from adapters.object_versions import everything, versions

pytestmark = pytest.mark.service


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client.cache_clear()
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="some")
        s3.put_bucket_versioning(Bucket="some", VersioningConfiguration={"Status": "Enabled"})
        yield "some"
    client.cache_clear()


def test_a_versions_age_is_the_time_of_what_took_its_place(bucket: str) -> None:
    s3 = boto3.client("s3")
    for body in (b"1", b"22"):
        s3.put_object(Bucket=bucket, Key="a", Body=body)
    s3.delete_object(Bucket=bucket, Key="a")
    s3.put_object(Bucket=bucket, Key="b", Body=b"333")
    s3.put_object(Bucket=bucket, Key="folder/", Body=b"")
    marker, second, first, other, folder = everything(bucket)
    assert [(each.key, each.size, each.latest, each.is_marker) for each in (marker, second, first)] == [
        ("a", 0, True, True),
        ("a", 2, False, False),
        ("a", 1, False, False),
    ]
    assert (marker.replaced, second.replaced, first.replaced) == (None, marker.written, second.written)
    assert (other.key, other.latest, other.replaced, folder.key) == ("b", True, None, "folder/")
    assert list(versions(bucket, "")) == [second, first, other]
    assert list(versions(bucket, "b")) == [other]
