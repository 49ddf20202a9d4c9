"""Who reads what by Athena: all what is published, a school its own rows, nobody anybody's secrets."""

from __future__ import annotations

from typing import Any

import pytest

from infra.local.iam import s3, sessions
from infra.local.iam.policies import Decision, Request, decide, policy
from tests.infra import deployed
from transforms.lake_schema import LAKE_TABLES
from transforms.retention.buckets import BUCKETS
from transforms.retention.places import Find, Kind
from transforms.retention.registry import PLACES

HERE = f"{deployed.REGION}:{deployed.ACCOUNT}"
ANALYST, SCHOOL, ENGINEER = "luca-analyst", "luca-school-analyst", "luca-engineer"
LAKE, RESULTS = f"luca-lake-{deployed.ACCOUNT}", f"luca-results-{deployed.ACCOUNT}"
STUDENT_MARTS = [
    place.keys
    for place in PLACES
    if place.keys.startswith("marts/") and place.erasure.find is Find.STUDENT_KEY
]
SCHOOLS_ROWS = [
    *(
        f"lake/{table}/graduation_year=2029/year=2026/month=02/school_id=@/gen=0001/x"
        for table in LAKE_TABLES
    ),
    *(f"{mart}graduation_year=2029/iso_week=2026-W06/school_id=@/x" for mart in STUDENT_MARTS),
]
PUBLISHED = "marts/luca_marts/public_weekly_cohort_behavior/iso_week=2026-W06/x"


def asks(role: str, action: str, resource: str, school: str | None = None, **context: str) -> Decision:
    """What the role's policies say to a session of a school."""
    said: dict[str, Any] = {name.replace("__", ":"): value for name, value in context.items()}
    if school is not None:
        said["aws:principaltag/school_id"] = school
    request = Request(
        action, resource, said, lambda key: sessions.known(key) or key == s3.PREFIX or key.startswith("s3:")
    )
    return decide(request, [policy(deployed.policy_of(role))])


def reads(role: str, key: str, school: str | None = None, bucket: str = LAKE) -> bool:
    return asks(role, "s3:GetObject", f"arn:aws:s3:::{bucket}/{key}", school) is Decision.ALLOW


def lists(role: str, prefix: str, school: str | None = None) -> bool:
    asked = asks(role, "s3:ListBucket", f"arn:aws:s3:::{LAKE}", school, s3__prefix=prefix)
    return asked is Decision.ALLOW


def test_there_are_four_student_marts_to_ask_about() -> None:
    assert len(STUDENT_MARTS) == 4


def test_the_shared_analyst_reads_what_is_published_and_no_row_of_a_student() -> None:
    assert reads(ANALYST, PUBLISHED)
    assert lists(ANALYST, "marts/luca_marts/public_weekly_cohort_behavior/")
    for key in SCHOOLS_ROWS:
        assert not reads(ANALYST, key.replace("@", "school_1")), key
        assert not reads(ANALYST, key.replace("@", "school_1"), "school_1"), key
        assert not lists(ANALYST, key.partition("graduation_year")[0]), key
    for key in (
        "marts/luca_marts/weekly_cohort_behavior/iso_week=2026-W06/x",
        "lake/loads/x",
        "quarantine/x",
    ):
        assert not reads(ANALYST, key), key


@pytest.mark.parametrize("key", SCHOOLS_ROWS)
def test_a_school_reads_its_own_rows_and_no_other_school_s(key: str) -> None:
    folder = key.rpartition("/")[0] + "/"
    assert reads(SCHOOL, key.replace("@", "school_1"), "school_1")
    assert lists(SCHOOL, folder.replace("@", "school_1"), "school_1")
    for other in ("school_12", "school_2", "school_", "*", "xschool_1"):
        assert not reads(SCHOOL, key.replace("@", other), "school_1"), other
        assert not lists(SCHOOL, folder.replace("@", other), "school_1"), other
    for tag in (None, "", "*", "school_?"):
        assert not reads(SCHOOL, key.replace("@", "school_1"), tag), tag
        assert not lists(SCHOOL, folder.replace("@", "school_1"), tag), tag
    assert not lists(SCHOOL, key.partition("graduation_year")[0], "school_1")
    assert not lists(SCHOOL, "", "school_1")


def test_a_school_reads_no_mart_that_holds_all_schools_in_one_file_but_the_published() -> None:
    assert reads(SCHOOL, PUBLISHED, "school_1")
    for name in ("weekly_school_behavior", "weekly_class_behavior", "school_weeks"):
        assert not reads(SCHOOL, f"marts/luca_marts/{name}/iso_week=2026-W06/x", "school_1"), name


def test_a_school_s_answers_are_its_own() -> None:
    answer = "schools/school_id=school_1/x.csv"
    assert reads(SCHOOL, answer, "school_1", RESULTS)
    for tag in ("school_12", "school", None):
        assert not reads(SCHOOL, answer, tag, RESULTS), tag
    for role, place in ((SCHOOL, "schools/x.csv"), (SCHOOL, "analysts/x.csv"), (ANALYST, answer)):
        for action in ("s3:GetObject", "s3:PutObject"):
            assert asks(role, action, f"arn:aws:s3:::{RESULTS}/{place}", "school_1") is Decision.NOTHING


def test_an_engineer_reads_lake_and_marts() -> None:
    for key in (*SCHOOLS_ROWS, PUBLISHED, "marts/luca_marts/weekly_class_behavior/iso_week=2026-W06/x"):
        assert reads(ENGINEER, key.replace("@", "school_1")), key


@pytest.mark.parametrize("role", [ANALYST, SCHOOL, ENGINEER])
def test_no_reader_has_landing_quarantine_keys_or_table_or_writes_what_it_reads(role: str) -> None:
    buckets = {f"luca-{bucket.name.lower()}-{deployed.ACCOUNT}" for bucket in BUCKETS} - {LAKE, RESULTS}
    assert len(buckets) == 3
    refused = [("s3:GetObject", f"arn:aws:s3:::{bucket}/behavior_events/x") for bucket in sorted(buckets)]
    refused += [
        ("s3:GetObject", f"arn:aws:s3:::{LAKE}/quarantine/behavior_events/school_id=school_1/x"),
        ("s3:GetObject", f"arn:aws:s3:::{LAKE}/erasures/x"),
        ("s3:PutObject", f"arn:aws:s3:::{LAKE}/{SCHOOLS_ROWS[0].replace('@', 'school_1')}"),
        ("s3:DeleteObject", f"arn:aws:s3:::{LAKE}/{PUBLISHED}"),
        ("ssm:GetParameter", f"arn:aws:ssm:{HERE}:parameter/luca/pseudonym-keys/school_1/v1"),
        ("kms:Decrypt", f"arn:aws:kms:{HERE}:key/any"),
        ("dynamodb:Query", f"arn:aws:dynamodb:{HERE}:table/luca-platform"),
        ("glue:UpdateTable", f"arn:aws:glue:{HERE}:table/luca_marts/public_weekly_cohort_behavior"),
        ("glue:GetTable", f"arn:aws:glue:{HERE}:table/luca_landing/behavior_events"),
    ]
    for action, resource in refused:
        assert asks(role, action, resource, "school_1") is Decision.NOTHING, (action, resource)


@pytest.mark.parametrize(
    ("role", "group"), [(ANALYST, "luca-analysts"), (SCHOOL, "luca-schools"), (ENGINEER, "luca-engineers")]
)
def test_a_reader_asks_in_its_own_work_group(role: str, group: str) -> None:
    for each in ("luca-analysts", "luca-schools", "luca-engineers", "luca-jobs", "luca-dbt", "primary"):
        asked = asks(
            role, "athena:StartQueryExecution", f"arn:aws:athena:{HERE}:workgroup/{each}", "school_1"
        )
        assert asked is (Decision.ALLOW if each == group else Decision.NOTHING), each


def test_the_shared_analyst_sees_of_the_catalog_what_is_published() -> None:
    for name, seen in (("public_yearly_comparison", True), ("weekly_student_behavior", False)):
        asked = asks(ANALYST, "glue:GetTable", f"arn:aws:glue:{HERE}:table/luca_marts/{name}")
        assert (asked is Decision.ALLOW) is seen, name


def test_whatever_holds_pseudonyms_is_not_among_what_is_published() -> None:
    held = [place for place in PLACES if place.kind is Kind.OBJECTS and "/public_" in place.keys]
    assert held
    assert all(place.erasure.find is Find.NOBODY for place in held)
