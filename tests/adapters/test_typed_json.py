from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from adapters.typed_json import from_typed, to_typed

numbers = st.integers(-(10**15), 10**15)
names = st.text(min_size=1, max_size=4)
values = st.recursive(
    st.text(max_size=8) | numbers | st.booleans() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
items = st.dictionaries(st.text(min_size=1, max_size=6), values, max_size=6)


@given(items)
def test_an_item_comes_back_as_it_went(item: dict[str, Any]) -> None:
    assert from_typed(to_typed(item)) == item


@given(items)
def test_it_writes_what_boto3_writes(item: dict[str, Any]) -> None:
    assert to_typed(item) == TypeSerializer().serialize(item)["M"]


def test_a_score_keeps_its_digits() -> None:
    assert from_typed({"score": {"N": "84.30"}}) == {"score": Decimal("84.30")}


def test_a_float_is_refused_because_it_would_not_be_exact() -> None:
    with pytest.raises(TypeError, match="Float types are not supported"):
        to_typed({"score": 84.3})
