from __future__ import annotations

import datetime as dt
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from moto import mock_aws

from adapters import government
from adapters.aws import client
from adapters.government import GovernmentUnavailableError, InsecureEndpointError
from infra.local.government.server import Government
from tests.transforms.test_sync_batches import batch
from transforms.sync_responses import Answer, NoAnswer

pytestmark = pytest.mark.service

CORRELATION = "5a1f6ad2-6e1f-4a43-a8f8-96d8a0e3e5b1"
BATCH = batch(2)


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "LUCA_GOVERNMENT_CREDENTIALS": "luca/government",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        client.cache_clear()
        government._credentials.clear()
        boto3.client("secretsmanager").create_secret(
            Name="luca/government", SecretString='{"token": "first"}'
        )
        yield
    client.cache_clear()
    government._credentials.clear()


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Government]:
    running = Government(token="first").start()
    monkeypatch.setenv("LUCA_GOVERNMENT_ENDPOINT", running.url)
    yield running
    running.stop()


def secret(**content: str) -> None:
    boto3.client("secretsmanager").put_secret_value(
        SecretId="luca/government", SecretString=json.dumps(content)
    )


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody but its file vouches for, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "government")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    chain, key_file = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return chain, key_file


@pytest.fixture
def over_tls(monkeypatch: pytest.MonkeyPatch, certificate: tuple[Path, Path]) -> Iterator[Government]:
    running = Government(token="first", certificate=(str(certificate[0]), str(certificate[1]))).start()
    monkeypatch.setenv("LUCA_GOVERNMENT_ENDPOINT", running.url)
    yield running
    running.stop()


def test_a_batch_reaches_the_government_under_its_id(stand_in: Government) -> None:
    answer = government.send(BATCH, CORRELATION)
    assert isinstance(answer, Answer)
    assert answer.status == 200
    assert list(stand_in.register.batches) == [BATCH.sync_batch_id]


def test_the_whole_answer_comes_back_whatever_it_says(stand_in: Government) -> None:
    stand_in.faults.add({"fault": "busy", "retry_after": "77"})
    answer = government.send(BATCH, CORRELATION)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.retry_after) == (429, "77")


@pytest.mark.fault
def test_a_government_that_is_silent_too_long_is_a_time_out(
    stand_in: Government, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(government, "ANSWER_WITHIN", 0.2)
    stand_in.faults.add({"fault": "apply-then-hang", "seconds": 1})
    answer = government.send(BATCH, CORRELATION)
    assert isinstance(answer, NoAnswer)
    assert answer.error == "timeout"
    assert len(stand_in.register.record) == 2  # and yet it was applied


@pytest.mark.fault
def test_a_slow_answer_within_time_is_an_answer(stand_in: Government) -> None:
    stand_in.faults.add({"fault": "slow", "seconds": 0.3})
    assert isinstance(government.send(BATCH, CORRELATION), Answer)


@pytest.mark.fault
@pytest.mark.parametrize("fault", ["drop", "apply-then-drop"])
def test_a_connection_that_breaks_is_no_answer(stand_in: Government, fault: str) -> None:
    stand_in.faults.add({"fault": fault})
    answer = government.send(BATCH, CORRELATION)
    assert isinstance(answer, NoAnswer)
    assert answer.error == "connection"


def test_nobody_at_the_address_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setenv("LUCA_GOVERNMENT_ENDPOINT", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        answer = government.send(BATCH, CORRELATION)
    assert isinstance(answer, NoAnswer)
    assert answer.error == "connection"


@pytest.mark.parametrize("endpoint", ["http://government.example", "ftp://government.example", "government"])
def test_students_records_travel_over_https_only(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setenv("LUCA_GOVERNMENT_ENDPOINT", endpoint)
    with pytest.raises(InsecureEndpointError, match="https:// only"):
        government.send(BATCH, CORRELATION)


def test_a_certificate_that_nobody_vouches_for_gets_nothing(over_tls: Government) -> None:
    answer = government.send(BATCH, CORRELATION)
    assert isinstance(answer, NoAnswer)
    assert answer.error == "untrusted"
    assert over_tls.register.batches == {}


def test_the_governments_own_authority_can_be_trusted_by_the_secret(
    over_tls: Government, certificate: tuple[Path, Path]
) -> None:
    secret(token="first", ca_certificate=certificate[0].read_text())
    assert isinstance(government.send(BATCH, CORRELATION), Answer)
    assert len(over_tls.register.batches) == 1


def test_a_certificate_for_another_name_gets_nothing(
    over_tls: Government, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    secret(token="first", ca_certificate=certificate[0].read_text())
    monkeypatch.setenv("LUCA_GOVERNMENT_ENDPOINT", over_tls.url.replace("127.0.0.1", "localhost"))
    answer = government.send(BATCH, CORRELATION)
    assert isinstance(answer, NoAnswer)
    assert answer.error == "untrusted"


def test_old_versions_of_tls_are_not_spoken() -> None:
    context = government._tls(None)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_token_that_was_rotated_is_read_anew(stand_in: Government) -> None:
    government.send(BATCH, CORRELATION)
    secret(token="second")
    stand_in.token = "second"
    answer = government.send(batch(3), CORRELATION)
    assert isinstance(answer, Answer)
    assert answer.status == 200


def test_a_token_that_is_wrong_is_told_once(stand_in: Government) -> None:
    stand_in.token = "another"
    answer = government.send(BATCH, CORRELATION)
    assert isinstance(answer, Answer)
    assert answer.status == 401
    assert stand_in.requests == {"POST 401": 1}


def test_credentials_do_not_show_themselves() -> None:
    assert "first" not in repr(government.Credentials("first"))


def test_a_redirect_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("LUCA_GOVERNMENT_ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")

        def redirect() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(
                    b"HTTP/1.1 307 Elsewhere\r\nLocation: http://elsewhere.example\r\n"
                    b"Content-Length: 0\r\n\r\n"
                )

        thread = threading.Thread(target=redirect)
        thread.start()
        answer = government.send(BATCH, CORRELATION)
        thread.join()
    assert isinstance(answer, Answer)
    assert answer.status == 307


def test_the_receipt_of_a_batch_can_be_asked_for(stand_in: Government) -> None:
    assert government.receipt_of(BATCH) is None
    government.send(BATCH, CORRELATION)
    receipt = government.receipt_of(BATCH)
    assert receipt is not None
    assert receipt.accepted == {line.line_id for line in BATCH.lines}


def test_receipts_are_read_page_by_page(stand_in: Government, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.local.government.server.RECEIPTS_A_PAGE", 2)
    sent = [batch(count) for count in range(1, 6)]
    for each in sent:
        government.send(each, CORRELATION)
    found = list(government.receipts("2026-01-01T00:00:00.000Z"))
    assert [each.sync_batch_id for each in found] == [each.sync_batch_id for each in sent]
    assert list(government.receipts("9999-01-01T00:00:00.000Z")) == []


def test_a_government_that_does_not_show_its_books_says_so(
    stand_in: Government, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in.token = "another"
    with pytest.raises(GovernmentUnavailableError, match="answered 401 when asked for its receipts"):
        list(government.receipts("2026-01-01T00:00:00.000Z"))
    monkeypatch.setenv("LUCA_GOVERNMENT_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(GovernmentUnavailableError, match="does not answer"):
        government.receipt_of(BATCH)
