from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.lake import LandingFile
from adapters.landing_claims import Claim
from expectations.rules import Severity
from expectations.verdict import Verdict
from pipelines.load.result import LoadDoesNotAddUpError, LoadResult, SchoolCounts, accounted_for

VERDICT = Verdict(
    rows={"a": 5, "b": 3},
    broken={"grave": {"b": 2}, "light": {"a": 1, "b": 1}},
    severities={"grave": Severity.CRITICAL, "light": Severity.WARNING},
)
RESULT = LoadResult(
    load_id="1",
    table="behavior_events",
    files=3,
    size=1_000,
    set_aside=(),
    schools={"a": SchoolCounts(landed=1_234, published=1_234)},
    severities={"grave": "critical", "light": "warning"},
    shards=1,
    objects=7,
    seconds={},
    resumed=False,
)


def fates(landed: int, duplicate: int = 0, quarantined: int = 0, published: int = 0) -> dict[str, int]:
    return {"landed": landed, "duplicate": duplicate, "quarantined": quarantined, "published": published}


def test_the_shards_counts_are_put_together() -> None:
    shards = [{"a": fates(2, 1, 0, 1), "b": fates(3, 0, 3)}, {"a": fates(3, 0, 0, 3)}]
    assert accounted_for(VERDICT, shards) == {
        "a": SchoolCounts(5, 1, 0, 4, stopped=False, broken={"light": 1}),
        "b": SchoolCounts(3, 0, 3, 0, stopped=True, broken={"grave": 2, "light": 1}),
    }


def test_the_weeks_of_the_shards_are_summed_and_unknown_where_one_did_not_note_them() -> None:
    of_b, none = fates(3, 0, 3), {"weeks": {}}
    noted = {**fates(2, 0, 0, 2), "weeks": {"2026-W05": 1, "2026-W06": 1}}
    more = {**fates(3, 0, 0, 3), "weeks": {"2026-W06": 3}}
    whole = accounted_for(VERDICT, [{"a": noted, "b": {**of_b, **none}}, {"a": more}])
    assert whole["a"].weeks == {"2026-W05": 1, "2026-W06": 4}
    assert whole["b"].weeks == {}
    assert "weeks" not in whole["a"].as_dict()
    assert accounted_for(VERDICT, [{"a": noted, "b": of_b}, {"a": fates(3, 0, 0, 3)}])["a"].weeks is None


@pytest.mark.parametrize(
    "of_a",
    [fates(5, 0, 0, 4), fates(5, 0, 0, 6), fates(5, 5, 0, 1), fates(4, 0, 0, 4), fates(6, 1, 0, 5)],
    ids=["lost", "too many", "twice", "read fewer", "read more"],
)
def test_a_row_too_few_or_too_many_is_an_error(of_a: dict[str, int]) -> None:
    with pytest.raises(LoadDoesNotAddUpError, match=r"school a: \d rows landed, \d were read, but"):
        accounted_for(VERDICT, [{"a": of_a, "b": fates(3, 0, 3)}])


def test_rows_of_a_school_that_was_not_judged_are_an_error() -> None:
    with pytest.raises(LoadDoesNotAddUpError, match="school c: 0 rows landed, 1 were read"):
        accounted_for(
            VERDICT, [{"a": fates(5, published=5), "b": fates(3, 0, 3), "c": fates(1, published=1)}]
        )


def test_a_quiet_load_is_told_in_few_words() -> None:
    assert RESULT.summary == (
        "load 1: 3 files, 1,234 rows = 1,234 published in 7 files + 0 quarantined + 0 duplicate"
    )


def test_shards_are_told_where_there_are_several() -> None:
    assert replace(RESULT, shards=3).summary.startswith("load 1: 3 files in 3 shards, 1,234 rows = ")


def test_many_stopped_schools_are_named_by_three() -> None:
    stopped = {
        f"s{number}": SchoolCounts(1, 0, 1, 0, stopped=True, broken={"grave": 1}) for number in range(5)
    }
    assert "stopped s0, s1, s2 and 2 more (grave)" in replace(RESULT, schools=stopped).summary


def test_what_was_set_aside_is_told_with_its_reason() -> None:
    claim = Claim(LandingFile("t/hour=1/a", "", 1), "1", "unreadable", "half a file")
    result = replace(RESULT, set_aside=(claim,))
    assert "1: 2 files," in result.summary
    assert result.summary.endswith("set aside 1 files, such as t/hour=1/a: half a file")


def test_what_the_ledger_notes_is_all_whole_numbers_and_text() -> None:
    assert RESULT.facts == {
        "files": 3,
        "bytes": 1_000,
        "rows": {"landed": 1_234, "duplicate": 0, "quarantined": 0, "published": 1_234},
        "broken": {},
        "schools": 1,
        "stopped": 0,
        "set_aside": 0,
        "objects": 7,
    }
