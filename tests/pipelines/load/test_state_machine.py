"""The load's state machine on the local cloud: plan, shards side by side, finish, each a container."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pytest

from adapters import athena, executions, generations, lake, ledger
from adapters.aws import client
from adapters.settings import setting
from bench._invented_landing import events
from bench.load import parquet
from infra.local import containers
from infra.local.children import Child
from infra.local.cloud import LocalCloud
from pipelines.load.run import load as load_here
from pipelines.load.shards import Bounds
from pipelines.load.steps import shards_key
from tests.assumed_role import forget_clients
from tests.recorded_calls import local_cloud

pc: Any = pyarrow.compute  # its stubs know one kind of array a call

pytestmark = pytest.mark.local
TABLE = "behavior_events"
ROWS = 60  # a file


HOUR = f"{datetime.now(UTC):%Y-%m-%d-%H}"
TWENTY = Bounds(shards=20, files=1)
KILLED = "7"  # the shard whose container dies
AT_ONCE = 4


@contextmanager
def cloud_with(folder: Path, files: int, at_once: int, bad: int = 0) -> Iterator[LocalCloud]:
    """A cloud whose shards hold one file, with some files landed; of some schools every row is bad."""
    parameters = {"LoadShardFiles": "1", "LoadConcurrency": str(at_once)}
    with pytest.MonkeyPatch.context() as patch, local_cloud(folder, parameters=parameters) as cloud:
        for name, value in cloud.environment.items():
            patch.setenv(name, value)
        forget_clients()
        rows = events(ROWS * files, schools=4, students=40)
        schools = pa.array([f"school_{number + 1}" for number in range(bad)], pa.string())
        points = pc.if_else(pc.is_in(rows["school_id"], value_set=schools), 500, rows["points"])
        place = rows.schema.get_field_index("points")
        rows = rows.set_column(place, rows.schema.field(place), points.cast(pa.int32()))
        for number in range(files):
            # The last row of each file comes again at the start of the next.
            start = max(number * ROWS - 1, 0)
            body = parquet(rows.slice(start, (number + 1) * ROWS - start))
            key = f"{TABLE}/hour={HOUR}/{number:04d}.parquet"
            client("s3").put_object(Bucket=setting("LANDING_BUCKET"), Key=key, Body=body)
        yield cloud
    forget_clients()


def run_machine(at_once: int) -> None:
    given = {"table": TABLE, "shards": shards_key(TABLE), "concurrency": at_once}
    executions.run(setting("LOAD_MACHINE_ARN"), given)


@pytest.mark.timeout(600)
def test_the_machine_loads_what_has_landed(tmp_path: Path) -> None:
    shards = 3
    with cloud_with(tmp_path, files=shards, at_once=2):
        run_machine(at_once=2)
        (load,) = ledger.loads(TABLE)
        assert len(load.facts["shards"]) == shards == len(ledger.shards_done(load))
        rows = ROWS * shards
        copies = shards - 1
        assert load.facts["rows"] == {
            "landed": rows + copies,
            "duplicate": copies,
            "quarantined": 0,
            "published": rows,
        }
        (found,) = athena.query(
            f"SELECT count(*) AS n, count(DISTINCT event_id) AS ids FROM {TABLE}",
            work_group=setting("JOBS_WORK_GROUP"),
            database=setting("LAKE_DATABASE"),
        ).to_dict("records")
        assert found == {"n": rows, "ids": rows}
        assert ledger.the_open_load(TABLE) is None


@dataclass
class Watched:
    """The shards' containers as they are started; the first one of a shard dies at a write.

    Attributes:
        shards: Of each container that was started, in order.
        at_once: The most that were running at a time.
        running: The processes, in the same order.
    """

    shards: list[str] = field(default_factory=list)
    at_once: int = 0
    running: list[Child] = field(default_factory=list)

    def __call__(
        self, module: str, arguments: Sequence[str], *, environment: Mapping[str, str], **given: Any
    ) -> Child:
        if "shard" not in arguments:
            return Child(module, arguments, environment=environment, **given)
        number = environment["LUCA_LOAD_SHARD"]
        dies = number == KILLED and number not in self.shards
        ways = "tests.pipelines.load.dying_container" if dies else module
        child = Child(ways, arguments, environment=environment, **given)
        self.shards.append(number)
        self.running.append(child)
        self.at_once = max(self.at_once, sum(each.process.poll() is None for each in self.running))
        return child


def outcome() -> dict[str, Any]:
    """All that a load leaves to read: the bytes of its files, where partitions are, its books."""
    (load,) = ledger.loads(TABLE)
    bucket = setting("LAKE_BUCKET")
    keys = [key for part in (f"lake/{TABLE}/", "quarantine/") for key in lake.keys_under(bucket, part)]
    return {
        "load": load.load_id,
        "state": load.state,
        "files": {key: hashlib.sha256(lake.read(bucket, key)).hexdigest() for key in keys},
        "partitions": dict(generations.partitions(TABLE)),
        "rows": load.facts["rows"],
        "schools": ledger.read_schools(load),
        "shards": {number: shard.schools for number, shard in ledger.shards(load).items()},
    }


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.timeout(900)
def test_twenty_shards_side_by_side_one_of_them_killed_write_what_one_process_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched()
    with cloud_with(tmp_path / "map", files=20, at_once=AT_ONCE, bad=1):
        monkeypatch.setattr(containers, "Child", watched)
        run_machine(at_once=AT_ONCE)
        (load,) = ledger.loads(TABLE)
        by_map = outcome()
    assert watched.at_once == AT_ONCE
    assert sorted(watched.shards) == sorted([*map(str, range(20)), KILLED])
    killed = watched.running[watched.shards.index(KILLED)]
    assert killed.process.returncode == -signal.SIGKILL

    with cloud_with(tmp_path / "one", files=20, at_once=AT_ONCE, bad=1):
        load_here(TABLE, now=load.opened_at, bounds=TWENTY)
        by_one_process = outcome()
    assert len({key.rsplit("-", 1)[1] for key in by_map["files"] if key.startswith("lake/")}) == 20
    assert by_map["rows"]["quarantined"] > 0
    assert by_map == by_one_process
