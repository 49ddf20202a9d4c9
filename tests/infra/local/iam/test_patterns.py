from __future__ import annotations

import pytest

from infra.local.iam.patterns import matches, variables

OWN = {"aws:principaltag/school_id": "school_1"}
KEYS = "TENANT#${aws:PrincipalTag/school_id}#*"


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("TENANT#*", "TENANT#a", True),
        ("TENANT#?", "TENANT#ab", False),
        ("TENANT#a.b", "TENANT#aXb", False),
        ("*", "line\nbreak", True),
        (KEYS, "TENANT#school_1#X", True),
        (KEYS, "TENANT#school_12#X", False),
        (KEYS, "TENANT#school_1", False),
        (KEYS, "tenant#school_1#X", False),
        ("a${*}b", "a*b", True),
        ("a${*}b", "axb", False),
        ("${aws:PrincipalTag/none, 'nobody'}", "nobody", True),
        ("${aws:PrincipalTag/none}", "", False),
    ],
)
def test_a_pattern_matches_as_in_iam(pattern: str, value: str, expected: bool) -> None:
    assert matches(pattern, value, OWN) is expected


@pytest.mark.parametrize("tag", ["*", "school_?", "${aws:username}", ".*"])
def test_a_tag_is_never_a_pattern(tag: str) -> None:
    context = {"aws:principaltag/school_id": tag}
    assert not matches(KEYS, "TENANT#school_2#X", context)
    assert matches(KEYS, f"TENANT#{tag}#X", context)


def test_a_variable_with_several_values_counts_as_absent() -> None:
    assert not matches("${aws:TagKeys}", "a", {"aws:tagkeys": ("a", "b")})


def test_variables_names_the_keys_that_a_pattern_needs() -> None:
    assert variables("${aws:PrincipalTag/School_ID}${*}${x, 'y'}") == ["aws:principaltag/school_id", "x"]
