"""An operator's work under the operator's role, on the local cloud that enforces it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from adapters import functions, generations, lake, landing_claims
from adapters.aws import client
from adapters.ledger import LedgerConflictError
from adapters.pseudonym_keys import create_key
from adapters.quarantine import caller
from infra.local.cloud import LocalCloud
from pipelines.audits.completeness.repair import as_inserted
from pipelines.load import holding as held_loads
from pipelines.load.run import load
from pipelines.quarantine.discarding import discard
from pipelines.quarantine.holdings import HoldingState, holdings
from pipelines.quarantine.releasing import release
from pipelines.replay.rebuilding import rebuild_from_store
from pipelines.replay.run import replay
from pipelines.replay.span import Span
from pipelines.replay.stored import as_landed, compare_with_store
from tests.assumed_role import assumed, forget_clients
from tests.pipelines.conftest import Lake
from tests.pipelines.replay.stored import StoreOf, item
from tests.recorded_calls import local_cloud
from transforms.lake_schema import BEHAVIOR_EVENTS

pytestmark = [pytest.mark.local, pytest.mark.slow]

NOW = datetime.now(UTC)
TABLE = BEHAVIOR_EVENTS.name


@pytest.fixture
def cloud(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalCloud]:
    with local_cloud(tmp_path_factory.mktemp("cloud")) as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        forget_clients()
        yield running
    forget_clients()


def land(cloud: LocalCloud) -> None:
    """Two schools with a row of too many points each, and one without."""
    made, occurred = Lake(""), (NOW - timedelta(hours=30)).replace(tzinfo=None, microsecond=0)
    when = {
        "occurred_at": occurred,
        "received_at": occurred + timedelta(seconds=3),
        "local_date": occurred.date(),
        "utc_offset_minutes": 0,
        "graduation_year": NOW.year + 1,
    }
    rows = [
        made.event(**when, school_id=school, points=points)
        for school, points in [("a", 1), ("a", 500), ("b", 2), ("b", 500), ("c", 3), ("c", 4)]
    ]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, BEHAVIOR_EVENTS.landing_schema), sink)
    key = f"{TABLE}/hour={NOW:%Y-%m-%d-%H}/0001.parquet"
    lake.write(cloud.environment["LUCA_LANDING_BUCKET"], key, sink.getvalue())


def test_the_operator_releases_discards_and_replays_and_may_do_no_more(cloud: LocalCloud) -> None:
    land(cloud)
    with assumed("luca-jobs"):
        (loaded,) = load(TABLE, now=NOW)
    days = Span.of((NOW - timedelta(days=3)).date(), NOW.date())
    bucket = cloud.environment["LUCA_LAKE_BUCKET"]

    with assumed("luca-operator"):
        who = caller()
        assert "luca-operator" in who
        assert release(TABLE, loaded.load_id, "a", now=NOW, by=who).total("published") == 1
        assert discard(TABLE, loaded.load_id, "b", now=NOW, by=who, reason="a test").rows == 2
        assert {each.school_id: each.state for each in holdings(TABLE, settled=True)} == {
            "a": HoldingState.PARTLY,
            "b": HoldingState.SETTLED,
        }
        (lost,) = [each for each in generations.objects(f"lake/{TABLE}/") if "school_id=c" in each.key]
    client("s3").delete_object(Bucket=bucket, Key=lost.key)

    with assumed("luca-operator"):
        found = replay(BEHAVIOR_EVENTS, days)
        assert (found.total("expected"), found.total("equal"), found.total("missing")) == (3, 1, 2)
        assert replay(BEHAVIOR_EVENTS, days, apply=True).right
        assert not replay(BEHAVIOR_EVENTS, days).differing
        with pytest.raises(LookupError, match="no held load"):
            held_loads.let_go(TABLE, "a test", NOW)
        with pytest.raises(LedgerConflictError, match="not set aside"):
            landing_claims.release(TABLE, f"{TABLE}/hour={NOW:%Y-%m-%d-%H}/0001.parquet")
        for refused in _refused(cloud):
            with pytest.raises(ClientError, match="AccessDenied"):
                refused()

    create_key("a")
    items = [item(99, NOW.date().isoformat(), "a", received_at=NOW.isoformat().replace("+00:00", "Z"))]
    with assumed("luca-completeness"):
        told = compare_with_store(days, StoreOf(items))
        assert (told.total("expected"), told.total("missing"), told.total("unproven")) == (1, 1, 3)


def test_the_rebuilder_makes_lost_rows_anew_from_the_store_and_may_do_no_more(cloud: LocalCloud) -> None:
    days = Span.of((NOW - timedelta(days=3)).date(), NOW.date())
    create_key("a")
    received = (NOW - timedelta(minutes=5)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    items = [
        item(n, NOW.date().isoformat(), "a", received_at=received, occurred_at=received) for n in (1, 2, 3)
    ]
    made = functions.call(cloud.environment["LUCA_LAKE_ENRICHER"], [as_inserted(each) for each in items])
    sink = io.BytesIO()
    pq.write_table(as_landed(made).drop_columns(["load_id"]), sink)
    key = f"{TABLE}/hour={NOW:%Y-%m-%d-%H}/0001.parquet"
    bucket = cloud.environment["LUCA_LAKE_BUCKET"]
    lake.write(cloud.environment["LUCA_LANDING_BUCKET"], key, sink.getvalue())
    with assumed("luca-jobs"):
        (loaded,) = load(TABLE, now=NOW)
    assert loaded.total("published") == 3
    (lost,) = list(generations.objects(f"lake/{TABLE}/"))
    client("s3").delete_object(Bucket=bucket, Key=lost.key)

    with assumed("luca-rebuilder"):
        done = rebuild_from_store(days, StoreOf(items))
        assert done.right, done.left
        assert (done.total("missing"), sum(each.equal for each in done.healed)) == (3, 3)
        assert not rebuild_from_store(days, StoreOf(items)).differing
        for refused in [
            *_refused(cloud),
            lambda: client("s3").get_object(Bucket=cloud.environment["LUCA_LANDING_BUCKET"], Key=key),
            lambda: client("s3").put_object(Bucket=bucket, Key="quarantine/x.parquet", Body=b""),
            lambda: client("dynamodb").scan(TableName="luca-platform"),
        ]:
            with pytest.raises(ClientError, match="AccessDenied"):
                refused()


def _refused(cloud: LocalCloud) -> list[Any]:
    landing, bucket = (cloud.environment[f"LUCA_{name}_BUCKET"] for name in ("LANDING", "LAKE"))
    s3, store = client("s3"), client("dynamodb")
    key = {"PK": {"S": "TENANT#a#STUDENT#s"}, "SK": {"S": "PROFILE"}}
    receipt = {"PK": {"S": "ERASURE#a"}, "SK": {"S": "1"}}
    return [
        lambda: s3.put_object(Bucket=landing, Key=f"{TABLE}/hour=2026-02-03-14/x.parquet", Body=b""),
        lambda: s3.delete_object(Bucket=landing, Key=f"{TABLE}/hour={NOW:%Y-%m-%d-%H}/0001.parquet"),
        lambda: s3.delete_object(Bucket=bucket, Key="quarantine-receipts/x.json"),
        lambda: s3.get_object(Bucket=bucket, Key="marts/weekly/x.parquet"),
        lambda: store.get_item(TableName="luca-platform", Key=key),
        lambda: store.get_item(TableName="luca-loads", Key=receipt),
        lambda: client("ssm").get_parameters_by_path(Path="/luca/pseudonym-keys/a", WithDecryption=True),
    ]
