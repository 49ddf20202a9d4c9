from __future__ import annotations

from pathlib import Path

from adapters import landing_claims, sync_failures, sync_records
from adapters.sync_reports import PREFIX as SYNC_REPORTS
from pipelines.load.quality_reports import PREFIX as QUALITY_REPORTS
from pipelines.trends.history import PREFIX as TRENDS_RUNS
from transforms.event_items import HOT_FOR
from transforms.lake_schema import LAKE_TABLES
from transforms.retention.lifecycle import FIRST_COHORT
from transforms.retention.page import page
from transforms.retention.places import Days, Find, Identity, Kind, Mechanism, Removal
from transforms.retention.registry import BUCKETS, PLACES, place_of
from transforms.students import GRADUATION_YEARS

ROOT = Path(__file__).parents[3]


def days_of(name: str) -> float:
    (rule,) = (place.rule for place in PLACES if place.name == name)
    assert isinstance(rule, Days)
    return rule.days


def test_the_times_to_live_are_those_that_the_code_writes() -> None:
    assert days_of("luca-platform/EVENT") == HOT_FOR.days
    assert days_of("luca-loads/CLAIM") == landing_claims.CLAIMS_KEPT.days
    assert days_of("luca-sync-batches/BATCH") == sync_records.KEPT_DAYS
    assert days_of("luca-sync-failures/FAILURE") == sync_failures.KEPT_DAYS


def test_every_lake_table_lies_by_cohort() -> None:
    for name in LAKE_TABLES:
        place = place_of("LAKE", f"lake/{name}/graduation_year=2029/x")
        assert place is not None
        assert place.by_cohort
        landed = place_of("LANDING", f"{name}/hour=2026-02-03-14/x.parquet")
        assert landed is not None
        assert landed.erasure.find is Find.STUDENT_KEY


def test_every_student_mart_lies_by_cohort() -> None:
    for model in (ROOT / "dbt" / "models").rglob("*.sql"):
        if "partitioned_by" not in model.read_text():  # a view keeps nothing
            continue
        place = place_of("LAKE", f"marts/luca_marts/{model.stem}/x")
        assert place is not None, model.stem
        partitioned = "partitioned_by=['graduation_year'" in model.read_text()
        assert place.by_cohort is partitioned, model.stem


def test_reports_are_where_their_writers_put_them() -> None:
    for prefix in (QUALITY_REPORTS, SYNC_REPORTS, TRENDS_RUNS):
        place = place_of("REPORTS", f"{prefix}x")
        assert place is not None
        assert place.keys == prefix


def test_the_most_precise_prefix_wins_and_nothing_is_guessed() -> None:
    mart = place_of("LAKE", "marts/luca_marts/weekly_school_behavior/iso_week=2026-W06/x")
    assert mart is not None
    assert mart.identity is Identity.NOBODY
    assert place_of("LAKE", "somewhere/else") is None
    assert place_of("RESULTS", "lake/behavior_events/x") is None


def test_a_place_where_a_person_appears_says_how_to_find_and_remove_one() -> None:
    for place in PLACES:
        if place.identity is not Identity.NOBODY:
            assert place.erasure.find is not Find.NOBODY, place.name
            assert place.erasure.remove is not Removal.NOTHING, place.name


def test_names_are_unique_and_lifecycle_is_for_objects_alone() -> None:
    assert len({place.name for place in PLACES}) == len(PLACES)
    for place in PLACES:
        assert (place.kind is Kind.OBJECTS) == (place.mechanism is Mechanism.LIFECYCLE), place.name
        if place.kind is Kind.OBJECTS:
            assert place.store in {bucket.name for bucket in BUCKETS}
            assert place.keys.endswith("/")


def test_the_first_cohort_is_the_first_that_a_profile_may_have() -> None:
    assert GRADUATION_YEARS[0] == FIRST_COHORT


def test_the_page_in_the_docs_is_the_registrys() -> None:
    written = ROOT / "docs" / "retention.md"
    assert written.read_text() == page(), "python -m transforms.retention.page > docs/retention.md"
