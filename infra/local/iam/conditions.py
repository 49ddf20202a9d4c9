"""Conditions of a policy statement: the operators that our policies use, and no other.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from infra.local.iam.patterns import Context, UnsupportedPolicyError, matches, variables

Compare = Callable[[str, str, Context], bool]
"""Expected (from the policy), actual (from the request), context."""


def _equals(expected: str, actual: str, context: Context) -> bool:
    return matches(expected, actual, context, wildcards=False)


def _equals_ignoring_case(expected: str, actual: str, context: Context) -> bool:
    return matches(expected, actual, context, wildcards=False, ignore_case=True)


def _arn(expected: str, actual: str, context: Context) -> bool:
    """Both ArnEquals and ArnLike: a wildcard never reaches over a colon of the first five parts."""
    wanted, found = expected.split(":", 5), actual.split(":", 5)
    return len(wanted) == len(found) == 6 and all(
        matches(part, value, context) for part, value in zip(wanted, found, strict=True)
    )


def _bool(expected: str, actual: str, context: Context) -> bool:
    return expected.lower() == actual.lower()


_OPERATORS: dict[str, Compare] = {
    "StringEquals": _equals,
    "StringEqualsIgnoreCase": _equals_ignoring_case,
    "StringLike": matches,
    "ArnEquals": _arn,
    "ArnLike": _arn,
    "Bool": _bool,
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}
_SETS = {"ForAllValues", "ForAnyValue"}


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator on one key.

    Attributes:
        written: The operator as the policy has it, for errors.
        key: In lower case.
        expected: Any of these will do.
        quantifier: `ForAllValues`, `ForAnyValue` or ''.
        compare: None is the operator `Null`.
        negated: Whether a match makes it false.
        if_exists: True where the key is absent.
    """

    written: str
    key: str
    expected: tuple[str, ...]
    quantifier: str
    compare: Compare | None
    negated: bool
    if_exists: bool

    def holds(self, context: Context, known: Callable[[str], bool]) -> bool:
        """Whether a request meets it.

        Args:
            context: The request's keys and values.
            known: Whether this evaluator can compute a key at all. A key that it cannot compute is
                not an absent key: `ForAllValues` and negated operators would open on it.

        Raises:
            UnsupportedPolicyError: A key cannot be computed, or has several values where one is wanted.
        """
        for name in (self.key, *(name for text in self.expected for name in variables(text))):
            if not known(name):
                raise UnsupportedPolicyError(
                    f"condition key {name!r} ({self.written}): infra/local/iam cannot compute it for this "
                    "request; teach infra/local/iam, or leave the condition out"
                )
        actual = context.get(self.key)
        values = (actual,) if isinstance(actual, str) else actual or ()
        if self.compare is None:
            return any((not values) == (wanted.lower() == "true") for wanted in self.expected)
        if not values:
            # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
            return self.quantifier == "ForAllValues" or (
                self.quantifier != "ForAnyValue" and (self.if_exists or self.negated)
            )
        hits = [self._hit(value, self.compare, context) for value in values]
        if self.quantifier == "ForAllValues":
            return all(hits)
        if self.quantifier == "ForAnyValue":
            return any(hits)
        if len(hits) != 1:
            raise UnsupportedPolicyError(
                f"condition key {self.key!r} has {len(hits)} values under {self.written}: "
                "say ForAllValues or ForAnyValue"
            )
        return hits[0]

    def _hit(self, value: str, compare: Compare, context: Context) -> bool:
        return any(compare(wanted, value, context) for wanted in self.expected) != self.negated


def conditions(element: Mapping[str, Mapping[str, Any]]) -> Iterable[Condition]:
    """The conditions of a statement's `Condition` element; all of them must hold.

    Raises:
        UnsupportedPolicyError: An operator is not one of those that our policies use.
    """
    for written, keys in element.items():
        for key, expected in keys.items():
            values = expected if isinstance(expected, list) else [expected]
            yield _condition(written, key.lower(), tuple(_text(value) for value in values))


def _condition(written: str, key: str, expected: tuple[str, ...]) -> Condition:
    quantifier, colon, operator = written.rpartition(":")
    plain = operator.removesuffix("IfExists")
    known = plain in _OPERATORS or plain in _NEGATED or operator == "Null"
    if not known or (colon and quantifier not in _SETS) or (operator == "Null" and colon):
        raise UnsupportedPolicyError(
            f"condition operator {written!r} is not one that infra/local/iam knows: "
            f"{', '.join([*_OPERATORS, *_NEGATED, 'Null'])}, with ForAllValues:, ForAnyValue: and IfExists"
        )
    return Condition(
        written=written,
        key=key,
        expected=expected,
        quantifier=quantifier,
        compare=None if operator == "Null" else _OPERATORS[_NEGATED.get(plain, plain)],
        negated=plain in _NEGATED,
        if_exists=operator.endswith("IfExists"),
    )


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
