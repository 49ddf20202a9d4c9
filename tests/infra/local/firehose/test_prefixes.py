from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from infra.local.firehose.prefixes import PrefixError, expand, object_name

MOMENT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("prefix", "expanded"),
    [
        ("plain/", "plain/"),
        ("events/hour=!{timestamp:yyyy-MM-dd-HH}/", "events/hour=2026-03-04-05/"),
        ("!{timestamp:yyyy}/!{timestamp:MM}/", "2026/03/"),
        ("!{timestamp:yyyy/MM/dd/HH'h'mm}/", "2026/03/04/05h06/"),
        ("errors/!{firehose:error-output-type}/", "errors/format-conversion-failed/"),
    ],
)
def test_expressions_are_put_in(prefix: str, expanded: str) -> None:
    assert expand(prefix, MOMENT, "format-conversion-failed") == expanded


@pytest.mark.parametrize(
    "prefix",
    ["!{timestamp:YYYY}/", "!{timestamp:yy}/", "!{partitionKeyFromQuery:school}/", "!{firehose:other}/"],
)
def test_an_unknown_expression_is_named(prefix: str) -> None:
    with pytest.raises(PrefixError):
        expand(prefix, MOMENT)


def test_an_object_of_one_buffer_always_has_one_name() -> None:
    name = object_name("luca-behavior-events", MOMENT, "0001")
    assert re.fullmatch(r"luca-behavior-events-1-2026-03-04-05-06-07-[0-9a-f-]{36}", name)
    assert name == object_name("luca-behavior-events", MOMENT, "0001")
    assert name != object_name("luca-behavior-events", MOMENT, "0002")
