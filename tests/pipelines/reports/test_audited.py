"""What the platform's report shows of the newest audits."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.audits.completeness import history as accounts
from pipelines.audits.completeness.report import DayReport, Event
from pipelines.audits.retention import history as retention_audits
from pipelines.audits.retention.page import pages
from pipelines.audits.retention.result import Audit, Finding, Pile, Severity
from pipelines.reports.audited import Audited, read
from pipelines.reports.weekly import AUDIT
from pipelines.reports.words import Language
from tests.pipelines.reports.platform_report import platform_report
from tests.pipelines.reports.test_schools import rows_of, text_of
from transforms.completeness import DayAccount, Place

LOOKED = datetime(2026, 3, 10, 6, 5, tzinfo=UTC)


def account(school_id: str, stored: int, missing: int = 0, sent: int | None = 9) -> DayAccount:
    places = {Place.IN_LAKE: stored - missing, Place.MISSING: missing}
    return DayAccount(school_id, sent, 1, stored, places)


def day(*schools: DayAccount, of: date = date(2026, 3, 9)) -> DayReport:
    return DayReport(of, schools, frozenset(), LOOKED)


def audit(made_at: str = "2026-03-08T07:30:00.000Z") -> Audit:
    findings = (
        Finding("overdue", Severity.CRITICAL, "lake", "should have gone", "roll"),
        Finding("rule-foreign", Severity.WARNING, "marts", "none of ours", "roll"),
        Finding("rule-foreign", Severity.WARNING, "lake", "none of ours", "roll"),
    )
    piles = (
        Pile("LAKE lake/", 2023, 2025, 1, 500),
        Pile("LAKE lake/", 2029, 2032, 2, 4_000),
        Pile("LAKE marts/", 2029, 2032, 1, 2_000),
        Pile("LAKE lake/", 0, 2032, 1, 100),
        Pile("REPORTS quality/", None, None, 1, 7),
    )
    return Audit(made_at, date(2026, 3, 8), findings, piles, {}, {}, 2, 1.0)


def section(page: str, name: str) -> str:
    return text_of(page.split(f'aria-labelledby="{name}">', 1)[1].split("</section>", maxsplit=1)[0])


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (Language.EN, ("No day has been audited yet.", "Nobody has audited yet what is kept.")),
        (
            Language.ES,
            ("Todavía no se ha auditado ningún día.", "Todavía no se ha auditado lo que se conserva."),
        ),
    ],
)
def test_where_no_audit_was_run_the_report_says_so_and_how(
    language: Language, words: tuple[str, str]
) -> None:
    page = platform_report(language)
    assert f"{words[0]} luca audit completeness" in section(page, "completeness")
    assert f"{words[1]} luca audit retention" in section(page, "retention")


def test_a_day_that_does_not_add_up_names_its_schools_and_sums_all() -> None:
    schools = account("good", 8), account("bad", 8, missing=3), account("blind", 5, sent=None)
    page = platform_report(audits=Audited(None, day(*schools)))
    told = section(page, "completeness")
    assert "The day 2026-03-09 does not add up. Audited 2026-03-10 06:05 UTC." in told
    assert rows_of(page, "completeness") == [["bad", "9", "1", "0", "8", "5", "0", "0", "0", "3"]]
    assert "all – 3 – 21 18 0 0 0 3 bad: 3 events were stored" in told


def test_a_day_that_adds_up_has_no_school_to_name() -> None:
    page = platform_report(Language.ES, audits=Audited(None, day(account("good", 8))))
    assert "El día 2026-03-09 cuadra." in section(page, "completeness")
    assert rows_of(page, "completeness") == []


def test_retention_counts_findings_and_says_what_goes_when() -> None:
    page = platform_report(audits=Audited(audit(), None), audit_link=AUDIT)
    told = section(page, "retention")
    assert "Critical: 1, Warning: 2, Info: 0" in told
    assert "audit of 2026-03-08 07:30 UTC, as of 2026-03-08: 6 objects, 6.6 kB" in told
    assert "2025 500 B 2032 6.1 kB nothing removes it 7 B" in told
    assert "unknown 100 B 2023 500 B 2029 6.0 kB" in told
    assert '<th scope="row" class="bad">2025' in page
    assert '<th scope="row">2032' in page
    assert '<a href="retention/index.html">' in page


@pytest.mark.service
def test_the_newest_of_each_is_read_and_the_audits_page_comes_along(lake: Any, tmp_path: Path) -> None:
    assert read(tmp_path) == Audited(None, None)
    older, newer = audit("2026-03-01T07:30:00.000Z"), audit()
    for each in (newer, older):
        retention_audits.keep(each, pages(each, [], retention_audits.INDEX))
    missing = replace(day(account("bad", 8, missing=1)), missing=frozenset({Event("bad", "e")}))
    healed = replace(day(account("bad", 8)), audited_at=LOOKED.replace(hour=9))
    for report in (healed, missing, day(account("bad", 2), of=date(2026, 3, 8))):
        accounts.keep(report)
    assert read(tmp_path) == Audited(newer, healed)
    for language, title in ((Language.EN, "Retention"), (Language.ES, "Conservación")):
        link = AUDIT.found(tmp_path, language)
        assert link is not None
        page = (tmp_path / link.href).read_text()
        assert f'<html lang="{language}">' in page
        assert f"<h1>{title}</h1>" in page
    assert not any(b'"e"' in body for body in lake.objects("completeness/", "REPORTS").values())


def test_the_audits_page_says_the_same_in_both_languages() -> None:
    english, spanish = pages(audit(), [audit("2026-03-01T07:30:00.000Z")], "retention").values()
    numbers = [re.findall(r"\d[\d,.:%-]*", text_of(page)) for page in (english, spanish)]
    assert numbers[0] == numbers[1]
    assert "critical: 1, warning: 2" in text_of(english)
    assert "crítica: 1, advertencia: 2" in text_of(spanish)
    assert "nada lo elimina" in spanish
    assert '<a href="retention.es.html" hreflang="es" lang="es">' in english
    assert '<a href="retention.html" hreflang="en" lang="en">' in spanish
