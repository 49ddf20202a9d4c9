from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from transforms.sync_reconciliation import (
    REPAIRS,
    Discrepancy,
    HeldReceipt,
    Kind,
    SentBatch,
    counts,
    reconcile,
)

SINCE, SETTLED = "2026-01-01T00:00:00.000Z", "2026-04-02T00:00:00.000Z"
G1, G2 = "1" * 32, "2" * 32


def at(minute: int) -> str:
    return f"2026-04-01T12:{minute:02d}:00.000Z"


def sent(batch: str, *lines: str, minute: int | None = 0) -> SentBatch:
    return SentBatch("school_1", batch, frozenset(lines), None if minute is None else at(minute))


def held(batch: str, *lines: str, minute: int = 0) -> HeldReceipt:
    return HeldReceipt("school_1", batch, f"R-{batch}", at(minute), frozenset(lines))


def compare(ours: list[SentBatch], theirs: list[HeldReceipt]) -> list[tuple[Kind, str, tuple[str, ...]]]:
    found = reconcile(ours, theirs, SINCE, SETTLED)
    return [(each.kind, each.sync_batch_id, each.line_ids) for each in found]


def test_books_that_say_the_same_agree() -> None:
    assert compare([sent("a", f"{G1}-1", f"{G2}-1")], [held("a", f"{G1}-1", f"{G2}-1")]) == []


def test_a_correction_in_both_books_agrees_whatever_order_the_receipts_come_in() -> None:
    ours = [sent("a", f"{G1}-1"), sent("b", f"{G1}-2", minute=5)]
    theirs = [held("b", f"{G1}-2", minute=5), held("a", f"{G1}-1")]
    assert compare(ours, theirs) == []


def test_what_we_think_was_sent_and_they_lack_is_told() -> None:
    assert compare([sent("a", f"{G1}-1")], []) == [(Kind.LACKING, "a", (f"{G1}-1",))]


def test_a_single_line_that_they_lack_is_told() -> None:
    found = compare([sent("a", f"{G1}-1", f"{G2}-1")], [held("a", f"{G1}-1")])
    assert found == [(Kind.LACKING, "a", (f"{G2}-1",))]


def test_what_they_hold_of_ours_and_we_do_not_know_is_told() -> None:
    found = compare([sent("a", minute=None)], [held("a", f"{G1}-1")])
    assert found == [(Kind.UNRECORDED, "a", (f"{G1}-1",))]


def test_a_newer_version_that_we_have_not_noted_is_unrecorded_and_nothing_else() -> None:
    ours = [sent("a", f"{G1}-1"), sent("b", minute=None)]
    theirs = [held("a", f"{G1}-1"), held("b", f"{G1}-2", minute=5)]
    assert compare(ours, theirs) == [(Kind.UNRECORDED, "b", (f"{G1}-2",))]


def test_what_they_hold_and_was_never_ours_is_foreign() -> None:
    assert compare([], [held("x", f"{G1}-1")]) == [(Kind.FOREIGN, "x", (f"{G1}-1",))]


def test_a_grade_that_both_hold_in_different_versions_is_told() -> None:
    ours = [sent("a", f"{G1}-1"), sent("b", f"{G1}-2", minute=5)]
    assert compare(ours, [held("a", f"{G1}-1")]) == [(Kind.VERSION_DIFFERS, "b", (f"{G1}-2",))]


def test_an_older_version_that_arrived_last_is_told() -> None:
    ours = [sent("a", f"{G1}-1", minute=9), sent("b", f"{G1}-2", minute=5)]
    theirs = [held("b", f"{G1}-2", minute=5), held("a", f"{G1}-1", minute=9)]
    assert compare(ours, theirs) == [(Kind.VERSION_DIFFERS, "b", (f"{G1}-2",))]


def test_what_is_too_young_is_judged_the_next_day() -> None:
    young = SentBatch("school_1", "a", frozenset({f"{G1}-1"}), "2026-04-02T00:00:00.000Z")
    late = HeldReceipt("school_1", "b", "R", "2026-04-02T00:30:00.000Z", frozenset({f"{G2}-1"}))
    assert reconcile([young], [late], SINCE, SETTLED) == []


def test_what_is_older_than_the_span_is_not_missed_in_it() -> None:
    old = SentBatch("school_1", "a", frozenset({f"{G1}-1"}), "2025-12-31T23:59:59.999Z")
    assert reconcile([old], [], SINCE, SETTLED) == []


def test_lines_are_counted_by_kind() -> None:
    found = reconcile([sent("a", f"{G1}-1", f"{G2}-1")], [held("x", f"{G1}-1", minute=1)], SINCE, SETTLED)
    assert counts(found) == {Kind.LACKING: 1, Kind.UNRECORDED: 0, Kind.VERSION_DIFFERS: 0, Kind.FOREIGN: 1}


def test_every_kind_has_a_repair_in_words() -> None:
    assert set(REPAIRS) == set(Kind)


grades = st.sampled_from([digit * 32 for digit in "0123456789"])
batches_of_lines = st.lists(
    st.dictionaries(grades, st.just(None), min_size=1, max_size=4), min_size=0, max_size=6
)


@given(batches_of_lines)
def test_a_government_that_took_everything_once_agrees_with_us(shapes: list[dict[str, None]]) -> None:
    versions: dict[str, int] = {}
    ours, theirs = [], []
    for number, shape in enumerate(shapes):
        for grade in shape:
            versions[grade] = versions.get(grade, 0) + 1
        lines = [f"{grade}-{versions[grade]}" for grade in shape]
        ours.append(sent(str(number), *lines, minute=number))
        theirs.append(held(str(number), *lines, minute=number))
    assert reconcile(ours, theirs, SINCE, SETTLED) == []


@given(batches_of_lines, st.data())
def test_a_receipt_that_is_hidden_is_told_as_what_it_is(
    shapes: list[dict[str, None]], data: st.DataObject
) -> None:
    versions: dict[str, int] = {}
    books: list[tuple[str, list[str]]] = []
    for number, shape in enumerate(shapes):
        for grade in shape:
            versions[grade] = versions.get(grade, 0) + 1
        books.append((str(number), [f"{grade}-{versions[grade]}" for grade in shape]))
    if not books:
        return
    hidden = data.draw(st.sampled_from([batch for batch, _ in books]))
    ours = [sent(batch, *lines, minute=int(batch)) for batch, lines in books]
    theirs = [held(batch, *lines, minute=int(batch)) for batch, lines in books if batch != hidden]
    found: list[Discrepancy] = reconcile(ours, theirs, SINCE, SETTLED)
    newest = {line for line in dict(books)[hidden] if versions[line.split("-")[0]] == int(line.split("-")[1])}
    assert {line for each in found for line in each.line_ids} == newest
    assert {each.kind for each in found} <= {Kind.LACKING, Kind.VERSION_DIFFERS}
