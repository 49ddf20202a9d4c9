"""A key's life: rotated once however often it is begun, destroyed only where nobody is lost by it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
import pytest

from adapters import key_history, pseudonym_keys
from adapters.pseudonym_keys import create_key, key_versions, read_key, read_keys
from pipelines.keys.rotation import (
    KeyInUseError,
    KeyWorkUnfinishedError,
    SchoolInSessionError,
    destroy,
    rotate,
)

pytestmark = pytest.mark.service

NOW = datetime(2026, 2, 3, 15, tzinfo=UTC)
SUMMER = datetime(2026, 7, 20, 8, tzinfo=UTC)


@pytest.fixture(autouse=True)
def keystore(lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A school with its first key."""
    monkeypatch.setenv("LUCA_PSEUDONYM_KEYS", "/luca/pseudonym-keys")
    monkeypatch.setenv("LUCA_PSEUDONYM_KEY_ALIAS", "alias/aws/ssm")
    pseudonym_keys._pseudonymizers.clear()
    create_key("school_1")


def versions() -> list[int]:
    return [each.version for each in key_versions("school_1")]


def publish(lake: Any, **changes: Any) -> None:
    lake.land([lake.event(**changes)])
    lake.load()


def test_a_rotation_makes_the_next_version_and_keeps_the_old_one() -> None:
    first = read_key("school_1")
    assert rotate("school_1", now=SUMMER, reason="year's end") == 2
    assert read_keys("school_1") == [first, read_key("school_1")]
    assert read_key("school_1").version == 2
    assert key_history.lives("school_1")[2]["reason"] == "year's end"


@pytest.mark.fault
@pytest.mark.parametrize("write", range(1, 6))
def test_a_rotation_killed_before_any_of_its_writes_is_ended_by_the_next_and_not_doubled(
    lake: Any, write: int
) -> None:
    # 1 the lease, 2 begun, 3 the key, 4 ended, 5 the lease given back.
    died = lake.dies(write, lambda: rotate("school_1", now=SUMMER, reason="r"))
    assert died is True or write > 4
    before = versions()
    made = rotate("school_1", now=SUMMER, reason="r")
    assert made == (3 if write > 4 else 2)  # once it was ended, the next one is another rotation
    assert versions() == list(range(1, made + 1))
    assert set(before) <= set(versions())
    assert key_history.open_work("school_1") is None


def test_a_school_in_session_is_not_rotated_unless_told(lake: Any) -> None:
    publish(lake, local_date=date(2026, 2, 3))
    with pytest.raises(SchoolInSessionError, match=r"'school_1' sent events on 2026-02-03"):
        rotate("school_1", now=NOW + timedelta(weeks=4) - timedelta(days=1), reason="r")
    assert versions() == [1]
    assert rotate("school_1", now=NOW + timedelta(weeks=4, days=1), reason="r") == 2
    assert rotate("school_1", now=NOW, reason="r", in_session=True) == 3


def test_another_schools_events_do_not_keep_a_key(lake: Any) -> None:
    publish(lake, school_id="school_2")
    assert rotate("school_1", now=NOW, reason="r") == 2


def test_the_newest_key_is_not_destroyed() -> None:
    with pytest.raises(KeyInUseError, match="v1 is the newest"):
        destroy("school_1", 1, now=SUMMER, reason="r")
    assert versions() == [1]


def test_a_version_with_rows_is_destroyed_only_when_told(lake: Any) -> None:
    publish(lake)
    publish(lake, pseudonym_version=2)
    rotate("school_1", now=SUMMER, reason="r")
    with pytest.raises(KeyInUseError, match=r"1 rows of the lake are under v1 of school 'school_1'"):
        destroy("school_1", 1, now=SUMMER, reason="r")
    assert destroy("school_1", 1, now=SUMMER, reason="leak", orphan=True) == 1
    assert versions() == [2]
    assert key_history.lives("school_1")[1]["rows_orphaned"] == 1


def test_a_version_without_rows_is_destroyed_once(lake: Any) -> None:
    rotate("school_1", now=SUMMER, reason="r")
    assert destroy("school_1", 1, now=SUMMER, reason="over") == 0
    with pytest.raises(LookupError, match=r"has no key v1: it has \[2\]"):
        destroy("school_1", 1, now=SUMMER, reason="over")
    assert rotate("school_1", now=SUMMER, reason="r") == 3  # a number is never used again


@pytest.mark.fault
@pytest.mark.parametrize("write", [2, 3, 4])
def test_a_destruction_that_was_killed_is_ended_by_the_next_and_holds_up_a_rotation(
    lake: Any, write: int
) -> None:
    rotate("school_1", now=SUMMER, reason="r")
    # Athena's own writes are none of this process's: 1 the lease, 2 begun, 3 the key, 4 ended.
    assert lake.dies(write, lambda: destroy("school_1", 1, now=SUMMER, reason="r"))
    if write > 2:
        with pytest.raises(KeyWorkUnfinishedError, match=r"`luca keys destroy --version 1` ends it"):
            rotate("school_1", now=SUMMER, reason="r")
    destroy("school_1", 1, now=SUMMER, reason="r")
    assert versions() == [2]
    assert key_history.open_work("school_1") is None


def test_a_key_is_secret_at_rest() -> None:
    told = boto3.client("ssm").get_parameter(Name="/luca/pseudonym-keys/school_1/v1")["Parameter"]
    assert told["Type"] == "SecureString"
