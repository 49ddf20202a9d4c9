"""Compaction: which partitions it takes, that no row changes, and what happens when it is disturbed."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from adapters import athena, aws, generations, leases, rewrites
from adapters.aws import client
from adapters.leases import LeaseHeldError
from pipelines.cli import app
from pipelines.partitions import compaction, settling
from pipelines.partitions.compaction import Compacted, Wish, compact, wanting, worth_it
from pipelines.partitions.survey import Generation
from transforms.lake_schema import BEHAVIOR_EVENTS

pytestmark = pytest.mark.service

FOLDER = "lake/behavior_events/graduation_year=2029/year=2026/month=02/school_id=school_1/"
HERE = ("2029", "2026", "02", "school_1")
NOW = datetime(2026, 3, 1, 3, tzinfo=UTC)
EAGER = Wish(most_small=1, grace=timedelta(0))
MIB = 2**20
STRIDE = 4  # the kill points of one test: every fourth


def run(wish: Wish = EAGER, **named: Any) -> Compacted:
    return compact(BEHAVIOR_EVENTS, wish, **named)


def many_files(lake: Any, publish: Any, files: int = 4) -> None:
    """Partitions of two schools and two cohorts, one of which has one file."""
    for school, cohort, count in (
        ("school_1", 2029, files),
        ("school_2", 2030, files),
        ("school_3", 2029, 1),
    ):
        for number in range(count):
            rows = [
                lake.event(school_id=school, graduation_year=cohort, local_date=date(2026, 2, 1 + day))
                for day in range(3)
            ]
            publish(rows, f"load_{number}")


def digest(lake: Any) -> str:
    """Of all rows that readers see, whatever their order."""
    rows = sorted(repr(sorted(row.items())) for row in lake.published())
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def generation(sizes: list[int], age: timedelta = timedelta(0)) -> Generation:
    return Generation(HERE, f"{FOLDER}gen=0000/", tuple(sizes), (NOW - age).timestamp())


@pytest.mark.parametrize(
    ("sizes", "days_old", "worth"),
    [
        ([1] * 9, 0, True),
        ([1] * 8, 0, False),
        ([1, 1], 8, True),
        ([1, 1], 6, False),
        ([1], 400, False),
        ([100 * MIB] * 20, 400, False),
        ([100 * MIB, 100 * MIB, 1], 400, False),
        ([100 * MIB, 1, 1], 400, True),
    ],
)
def test_a_partition_is_taken_for_its_small_files(sizes: list[int], days_old: int, worth: bool) -> None:
    assert worth_it(generation(sizes, timedelta(days=days_old)), Wish(), NOW) is worth


def test_what_was_written_lately_can_be_left_alone() -> None:
    wish = Wish(older_than=timedelta(hours=36))
    assert not worth_it(generation([1] * 20, timedelta(hours=35)), wish, NOW)
    assert worth_it(generation([1] * 20, timedelta(hours=36)), wish, NOW)


def test_many_files_become_one_and_no_row_changes(lake: Any, publish: Any) -> None:
    many_files(lake, publish)
    before = digest(lake)
    done = run()
    assert (done.partitions, done.files, done.rows, done.left) == (2, (8, 2), 24, 0)
    assert digest(lake) == before
    assert done.summary.startswith("2 partitions, 24 rows: 8 files → 2, ")


def test_what_is_compact_is_neither_read_nor_written_again(lake: Any, publish: Any) -> None:
    many_files(lake, publish)
    run()
    run()  # deletes the old generations
    calls: list[str] = []
    client("s3").meta.events.register("before-call", lambda model, **_: calls.append(model.name))
    done = run()
    assert (done.partitions, done.summary) == (0, "every partition is compact")
    assert calls == ["ListObjectsV2"]


def test_only_partitions_with_new_files_are_written_again(lake: Any, publish: Any) -> None:
    many_files(lake, publish)
    run()
    run()
    before = lake.stored("LAKE")
    publish([lake.event()], "load_9", generation=1)
    done = run()
    assert (done.partitions, done.files) == (1, (2, 1))
    left = {key for key in before.items() if "school_id=school_1/" not in key[0]}
    assert left <= set(lake.stored("LAKE").items())


def test_when_the_time_is_over_the_rest_is_left_for_the_next_run(
    lake: Any, publish: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    many_files(lake, publish)
    monkeypatch.setattr(compaction, "PARTITIONS_AT_ONCE", 1)
    seconds: Iterator[float] = iter([0, 1, 1_201, 1_202])
    done = run(elapsed=lambda: next(seconds))
    assert (done.partitions, done.left) == (1, 1)
    assert done.summary.endswith("1 partitions are left for the next run")
    assert run().partitions == 1


def test_old_generations_are_deleted_by_a_later_run(lake: Any, publish: Any) -> None:
    many_files(lake, publish)
    run(clock=lambda: NOW)
    wish = Wish(most_small=1)
    assert run(wish, clock=lambda: NOW + timedelta(minutes=59)).deleted.generations == 0
    done = run(wish, clock=lambda: NOW + timedelta(minutes=61))
    assert (done.deleted.generations, done.deleted.objects) == (2, 8)
    assert len(lake.objects("lake/")) == 3


def test_athena_counts_the_same_rows_all_the_while(lake: Any, publish: Any) -> None:
    many_files(lake, publish, files=6)
    counts, over = [], threading.Event()

    def ask() -> None:
        while not over.is_set():
            answer = athena.query(
                "SELECT count(*) AS n, count(DISTINCT event_id) AS m FROM behavior_events",
                work_group="luca-jobs",
                database="luca_lake",
            )
            counts.append((int(answer["n"][0]), int(answer["m"][0])))

    reader = threading.Thread(target=ask)
    reader.start()
    try:
        while not counts:
            assert reader.is_alive()
        for number in range(4):
            for name in ("a", "b"):
                publish([lake.event(school_id=f"school_{4 + number}")], name)
            run(Wish(most_small=1))
        seen = len(counts)
        while len(counts) < seen + 2:  # the one that is under way began before
            assert reader.is_alive()
    finally:
        over.set()
        reader.join()
    assert {distinct - rows for rows, distinct in counts} == {0}, "no row is seen twice"
    assert [rows for rows, _ in counts] == sorted(rows for rows, _ in counts), "no row is missing for a while"
    assert (counts[0][0], counts[-1][0]) == (39, 47)


@pytest.mark.fault
@pytest.mark.parametrize("write", [4, 6, 8, 10])
def test_a_killed_compaction_is_done_by_the_next(lake: Any, publish: Any, write: int) -> None:
    many_files(lake, publish)
    before = digest(lake)
    assert lake.dies(write, run)
    assert digest(lake) == before
    run()
    run()
    assert digest(lake) == before
    assert len(lake.objects("lake/")) == 3
    assert rewrites.open_rewrites("behavior_events") == []
    assert settling.disagreements("behavior_events") == []


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.parametrize("begin", range(1, STRIDE + 1))
def test_a_compaction_killed_before_any_of_its_writes_ends_the_same(
    lake: Any, publish: Any, begin: int
) -> None:
    def anew() -> str:
        lake.reset()
        lake.ids = iter(range(1, 1000))
        many_files(lake, publish)
        return digest(lake)

    before = anew()
    run()
    run()
    expected = sorted(lake.objects("lake/").values())  # a generation that was begun is not named again
    write, killed = begin, True
    while killed:
        assert anew() == before
        killed = lake.dies(write, run)
        assert digest(lake) == before, f"killed before write {write}"
        run()
        run()
        assert digest(lake) == before, f"killed before write {write}"
        assert sorted(lake.objects("lake/").values()) == expected, f"killed before write {write}"
        write += STRIDE
    assert write > 10


def test_two_compactions_at_once_give_way(lake: Any, publish: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "SILENCE_SECONDS", 5.0)
    monkeypatch.setattr(leases, "BEAT_SECONDS", 0.05)
    many_files(lake, publish)
    before, refused = digest(lake), []

    def second(text: str) -> None:
        if " of 2 partitions" in text:
            with pytest.raises(LeaseHeldError, match="compaction on"):
                run()
            refused.append(text)

    assert run(say=second).partitions == 2
    assert refused
    assert digest(lake) == before


@contextmanager
def unavailable(operation: str, times: int) -> Iterator[list[int]]:
    """S3 answers 503 to the next calls of an operation."""
    left = [times]

    def answer(request: Any, **_: Any) -> AWSResponse | None:
        if left[0] <= 0:
            return None
        left[0] -= 1
        body = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
        raw = type("Raw", (), {"stream": lambda self: iter([body])})()
        return AWSResponse(request.url, 503, {}, raw)

    client("s3").meta.events.register(f"before-send.s3.{operation}", answer)
    try:
        yield left
    finally:
        client("s3").meta.events.unregister(f"before-send.s3.{operation}", answer)


@pytest.mark.fault
@pytest.mark.parametrize("operation", ["GetObject", "PutObject", "ListObjectsV2"])
def test_an_s3_that_is_slow_for_a_moment_is_asked_again(lake: Any, publish: Any, operation: str) -> None:
    many_files(lake, publish)
    before = digest(lake)
    with unavailable(operation, 1) as left:
        assert run().partitions == 2
    assert left == [0]
    assert digest(lake) == before


@pytest.mark.fault
def test_an_s3_that_stays_away_stops_it_and_nothing_is_lost(
    lake: Any, publish: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    many_files(lake, publish)
    before = digest(lake)
    monkeypatch.setattr(aws, "_CONFIG", Config(retries={"mode": "standard", "max_attempts": 2}))
    client.cache_clear()
    with unavailable("PutObject", 10_000), pytest.raises(ClientError, match="SlowDown"):
        run()
    assert digest(lake) == before
    assert run().partitions == 2
    assert digest(lake) == before


@pytest.mark.fault
def test_what_a_lost_process_wrote_beside_is_deleted_and_glue_is_put_right(lake: Any, publish: Any) -> None:
    many_files(lake, publish)
    run()
    run()
    before = digest(lake)
    publish([lake.event()], "stray", generation=7)
    generations.move_partitions("behavior_events", {HERE: f"{FOLDER}gen=0007/"})
    done = run()
    assert (done.healed, done.deleted.generations) == (1, 1)
    assert digest(lake) == before
    assert len(lake.objects("lake/")) == 3


def test_rows_of_a_partition_that_was_never_rewritten_are_never_strays(lake: Any, publish: Any) -> None:
    publish([lake.event()], "a")
    publish([lake.event()], "b", generation=5)  # Glue says 0: who wrote this is not known
    run()
    run()
    assert [key.removeprefix(FOLDER) for key in lake.objects("lake/")] == [
        "gen=0000/a.parquet",
        "gen=0005/b.parquet",
    ]


def test_the_command_says_what_it_would_do_and_does_it(lake: Any, publish: Any) -> None:
    many_files(lake, publish)
    before = lake.stored("LAKE")
    told = CliRunner().invoke(app, ["compact", "behavior_events", "--files", "1", "--dry-run"])
    assert "behavior_events: 2 partitions of 8 files would be written anew" in told.stdout
    assert "2029/2026/02/school_1" in told.stdout
    assert lake.stored("LAKE") == before
    assert len(wanting(BEHAVIOR_EVENTS, EAGER, datetime.now(UTC))) == 2
    done = CliRunner().invoke(app, ["compact", "--files", "1", "--grace", "0"])
    assert (done.exit_code, "2 partitions, 24 rows: 8 files → 2" in done.stdout) == (0, True)
    assert "Compact academic_changes: every partition is compact" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "no lake table"),
        (["--older-than", "soon"], "no span of time"),
        (["--grace", "-1h"], "no span of time"),
    ],
)
def test_the_command_refuses_what_it_cannot_read(arguments: list[str], said: str) -> None:
    refused = CliRunner().invoke(app, ["compact", *arguments])
    assert refused.exit_code == 2
    assert said in refused.output
