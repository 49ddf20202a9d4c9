from __future__ import annotations

from typing import Any

from expectations.rules import Expectations
from expectations.verdict import Verdict


def judged_plainly(frame: Any, expectations: Expectations, **_: Any) -> Verdict:
    """What Great Expectations would say of a whole result, without the half second that it takes to say it.

    `tests/expectations/test_verdict.py` holds the two against each other.
    """
    counts = {
        name: dict(zip(frame["school_id"], map(int, frame[name]), strict=True))
        for name in frame.columns
        if name not in {"school_id", "newest"}
    }
    broken = {
        rule.name: {school: count for school, count in counts[rule.name].items() if count}
        for rule in expectations.rules
    }
    severities = {rule.name: rule.severity for rule in expectations.rules}
    return Verdict(counts["row_count"], {name: found for name, found in broken.items() if found}, severities)
