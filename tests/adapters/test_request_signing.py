from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.request_signing import Credentials, Signer

NOW = datetime(2026, 2, 5, 18, 30, tzinfo=UTC)


def botocores(credentials: Credentials, host: str, target: str, body: bytes) -> str:
    """The Authorization header that botocore makes of the same request."""
    request = AWSRequest("POST", f"https://{host}/", data=body, headers={"X-Amz-Target": target})
    keys = BotocoreCredentials(credentials.access_key, credentials.secret_key, credentials.token or None)
    with patch("botocore.auth.get_current_datetime", return_value=NOW.replace(tzinfo=None)):
        SigV4Auth(keys, "dynamodb", "us-east-1").add_auth(request)
    return str(request.headers["Authorization"])


@pytest.mark.property
@settings(max_examples=50)
@given(
    body=st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=3),
    token=st.sampled_from(["", "a/b+c==", "x" * 900]),
    host=st.sampled_from(["dynamodb.us-east-1.amazonaws.com", "127.0.0.1:4566"]),
)
def test_it_signs_as_botocore_signs(body: dict[str, str], token: str, host: str) -> None:
    credentials = Credentials("ASIAEXAMPLE", "secret/key+x", token)
    content = json.dumps(body).encode()
    signer = Signer(credentials, host, "us-east-1", clock=lambda: NOW)
    ours = signer.headers("DynamoDB_20120810.Query", content)
    assert ours["Authorization"] == botocores(credentials, host, "DynamoDB_20120810.Query", content)


def test_a_new_day_has_a_new_key() -> None:
    now = [NOW]
    signer = Signer(Credentials("AKIA", "s"), "h", "us-east-1", clock=lambda: now[0])
    first = signer.headers("t", b"")["Authorization"]
    now[0] += timedelta(days=1)
    assert "20260206" in signer.headers("t", b"")["Authorization"]
    now[0] -= timedelta(days=1)
    assert signer.headers("t", b"")["Authorization"] == first


def test_credentials_do_not_show_their_secrets() -> None:
    assert "hush" not in repr(Credentials("AKIA", "hush", "hush"))
