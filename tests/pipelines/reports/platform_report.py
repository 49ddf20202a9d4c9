"""The platform's report of a week in which nothing is known but what a test gives."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pipelines.reports.audited import Audited
from pipelines.reports.pages import environment
from pipelines.reports.words import Language


def platform_report(language: Language = Language.EN, **given: Any) -> str:
    """The page; `given` are values of its template."""
    nothing: dict[str, Any] = {
        **{name: [] for name in ("figures", "charts", "last_weeks", "reports", "loads", "links", "late")},
        **dict.fromkeys(("other", "first_week", "last_week"), "x"),
        "written_at": datetime(2026, 3, 10),
        "schools": 2,
        "books": None,
        "late_told": "",
        "late_count": 0,
        "audits": Audited(None, None),
        "audit_link": None,
    }
    return environment(language).get_template("report.html.j2").render(**nothing | given)
