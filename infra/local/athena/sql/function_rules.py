"""The functions whose DuckDB form depends on the types or the literals of the call."""

from __future__ import annotations

import re
from collections.abc import Callable

from infra.local.athena.errors import NotSupportedError, QueryError
from infra.local.athena.sql import casts, operators
from infra.local.athena.sql.date_rules import DATE_RULES
from infra.local.athena.sql.result_types import Arguments
from infra.local.athena.sql.scope import text
from infra.local.athena.sql.types import (
    BIGINT,
    DATE,
    DAYS,
    INTEGER,
    MONTHS,
    UNKNOWN,
    VARCHAR,
    Type,
    common,
)


def _coerced(a: Arguments, kind: Type) -> list[str]:
    return [casts.coerce(sql, have, kind) for sql, have in zip(a.sql, a.types, strict=True)]


def _extreme(a: Arguments, result: Type, detail: str) -> str:
    values = _coerced(a, result)
    missing = " OR ".join(f"{v} IS NULL" for v in values)
    return f"CASE WHEN {missing} THEN NULL ELSE {a.name}({', '.join(values)}) END"


def _truncate(a: Arguments, result: Type, detail: str) -> str:
    if len(a.sql) > 1:
        raise NotSupportedError("truncate(x, n): use floor or a cast to decimal")
    return f"CAST(trunc({a.sql[0]}) AS {result.duckdb})"


def _reverse(a: Arguments, result: Type, detail: str) -> str:
    return f"list_reverse({a.sql[0]})" if result.name == "array" else f"reverse({a.sql[0]})"


def _replace(a: Arguments, result: Type, detail: str) -> str:
    return f"replace({a.sql[0]}, {a.sql[1]}, {a.sql[2] if len(a.sql) > 2 else text('')})"


def _concat(a: Arguments, result: Type, detail: str) -> str:
    # DuckDB's || is NULL where an operand is, as Trino's is; its concat() is not.
    return " || ".join(_coerced(a, result)) if result != UNKNOWN else "NULL"


def _concat_ws(a: Arguments, result: Type, detail: str) -> str:
    if len(a.sql) == 2 and a.types[1].name == "array":
        return f"array_to_string({a.sql[1]}, {a.sql[0]})"
    if any(kind not in (VARCHAR, UNKNOWN) for kind in a.types):
        raise QueryError(
            "FUNCTION_NOT_FOUND",
            f"line 1:1: Unexpected parameters ({', '.join(map(str, a.types))}) for function concat_ws",
        )
    return f"concat_ws({', '.join(a.sql)})"


def _split(a: Arguments, result: Type, detail: str) -> str:
    if len(a.sql) > 2:
        raise NotSupportedError("split with a limit")
    return f"string_split({a.sql[0]}, {a.sql[1]})"


def _typeof(a: Arguments, result: Type, detail: str) -> str:
    return text(str(a.types[0]))


def _regexp(a: Arguments, result: Type, detail: str) -> str:
    """RE2 and Trino's engine agree on the common syntax; what RE2 lacks fails to compile there."""
    subject, pattern = a.sql[0], a.sql[1]
    group = f"CAST({a.sql[2]} AS INTEGER)" if len(a.sql) > 2 and a.name != "regexp_replace" else "0"
    if a.name == "regexp_like":
        return f"regexp_matches({subject}, {pattern})"
    if a.name == "regexp_extract":
        return (
            f"CASE WHEN regexp_matches({subject}, {pattern}) THEN regexp_extract({subject}, {pattern},"
            f" {group}) END"
        )
    if a.name == "regexp_extract_all":
        return f"regexp_extract_all({subject}, {pattern}, {group})"
    if a.name == "regexp_split":
        return f"string_split_regex({subject}, {pattern})"
    if a.name == "regexp_count":
        return f"CAST(len(regexp_extract_all({subject}, {pattern})) AS BIGINT)"
    replacement = a.literal(2) if len(a.sql) > 2 else ""
    if re.search(r"\$\{|\$\d\d|\\", replacement):
        raise NotSupportedError(
            f"regexp_replace with the replacement {replacement!r}: write text and single digits, as in '<$1>'"
        )
    re2 = re.sub(r"\$(\d)", r"\\\1", replacement)
    return f"regexp_replace({subject}, {pattern}, {text(re2)}, 'g')"


def _cardinality(a: Arguments, result: Type, detail: str) -> str:
    if a.types[0].name not in ("array", "map"):
        raise QueryError(
            "FUNCTION_NOT_FOUND", f"line 1:1: Unexpected parameters ({a.types[0]}) for function cardinality"
        )
    return f"CAST({'len' if a.types[0].name == 'array' else 'cardinality'}({a.sql[0]}) AS BIGINT)"


def _contains(a: Arguments, result: Type, detail: str) -> str:
    kind = common(a.types[0].args[0], a.types[1]) if a.types[0].args else UNKNOWN
    if kind is None:
        raise QueryError(
            "FUNCTION_NOT_FOUND",
            f"line 1:1: Unexpected parameters ({a.types[0]}, {a.types[1]}) for function contains",
        )
    found = f"list_contains({a.sql[0]}, {a.sql[1]})"
    unsure = f"len({a.sql[0]}) <> list_count({a.sql[0]})"
    return (
        f"CASE WHEN {a.sql[1]} IS NULL THEN NULL WHEN {found} THEN true WHEN {unsure} THEN NULL ELSE"
        f" {found} END"
    )


def _array_join(a: Arguments, result: Type, detail: str) -> str:
    element = a.types[0].args[0] if a.types[0].args else VARCHAR
    item = casts.cast("t_e", element, VARCHAR) if element != VARCHAR else "t_e"
    if len(a.sql) > 2:
        item = f"coalesce({item}, {a.sql[2]})"
    return f"array_to_string(list_transform({a.sql[0]}, lambda t_e: {item}), {a.sql[1]})"


def _element_at(a: Arguments, result: Type, detail: str) -> str:
    if a.types[0].name == "map":
        return f"map_extract_value({a.sql[0]}, {a.sql[1]})"
    return f"t_element_at({a.sql[0]}, {a.sql[1]})"


def _sequence(a: Arguments, result: Type, detail: str) -> str:
    element = result.args[0]
    start, stop = (casts.coerce(s, t, element) for s, t in zip(a.sql[:2], a.types[:2], strict=True))
    if element == BIGINT:
        step = a.sql[2] if len(a.sql) > 2 else f"CASE WHEN {start} <= {stop} THEN 1 ELSE -1 END"
        return f"generate_series(CAST({start} AS BIGINT), CAST({stop} AS BIGINT), CAST({step} AS BIGINT))"
    if not element.is_datetime or element.name == "timestamp with time zone":
        raise NotSupportedError(f"sequence of {element}")
    if (len(a.sql) > 2 and a.types[2] not in (DAYS, MONTHS)) or (len(a.sql) == 2 and element != DATE):
        raise QueryError(
            "FUNCTION_NOT_FOUND", "line 1:1: sequence of timestamps needs an interval as its step"
        )
    step = a.sql[2] if len(a.sql) > 2 else f"CASE WHEN {start} <= {stop} THEN to_days(1) ELSE to_days(-1) END"
    return (
        f"CAST(generate_series(CAST({start} AS TIMESTAMP), CAST({stop} AS TIMESTAMP), {step}) AS"
        f" {result.duckdb})"
    )


def _json(a: Arguments, result: Type, detail: str) -> str:
    path = text(json_path(a.literal(1)))
    whole = a.sql[0] if a.types[0].name == "json" else f"t_json({a.sql[0]})"
    found = f"json_extract({whole}, {path})"
    if a.name == "json_extract":
        return found
    if a.name == "json_extract_scalar":
        return f"CASE WHEN json_type({found}) NOT IN ('ARRAY', 'OBJECT') THEN {found} ->> '$' END"
    return (
        f"CASE json_type({found}) WHEN 'ARRAY' THEN CAST(json_array_length({found}) AS BIGINT) "
        f"WHEN 'OBJECT' THEN CAST(len(json_keys({found})) AS BIGINT) WHEN NULL THEN NULL ELSE 0 END"
    )


def json_path(path: str) -> str:
    """A Trino JSON path in DuckDB's spelling: member names quoted.

    Raises:
        NotSupportedError: It has wildcards, filters or functions.
    """
    step = re.compile(r"\.([A-Za-z_][\w-]*)|\[(\d+)\]|\[\"([^\"]+)\"\]|\['([^']+)'\]")
    if not path.startswith("$"):
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"line 1:1: Invalid JSON path: '{path}'")
    rest, parts = path[1:], ["$"]
    while rest:
        match = step.match(rest)
        if match is None:
            raise NotSupportedError(
                f"the JSON path {path!r}: only member names and array positions are understood"
            )
        name = match[1] or match[3] or match[4]
        parts.append(f'."{name}"' if name else f"[{match[2]}]")
        rest = rest[match.end() :]
    return "".join(parts)


def _json_array_contains(a: Arguments, result: Type, detail: str) -> str:
    if a.types[1] not in (VARCHAR, INTEGER, BIGINT):
        raise NotSupportedError(f"json_array_contains of {a.types[1]}")
    return f"json_contains(CAST({a.sql[0]} AS JSON), to_json({a.sql[1]}))"


def _percentile(a: Arguments, result: Type, detail: str) -> str:
    # An exact quantile is within any approximation's promise.
    return f"quantile_disc({a.sql[0]}, {a.sql[1]})"


def _listagg(a: Arguments, result: Type, detail: str) -> str:
    return f"string_agg({a.sql[0]}, {a.sql[1] if len(a.sql) > 1 else text('')})"


def _mod(a: Arguments, result: Type, detail: str) -> str:
    return operators.arithmetic("%", a.sql[0], a.types[0], a.sql[1], a.types[1])[0]


RULES: dict[str, Callable[[Arguments, Type, str], str]] = {
    **DATE_RULES,
    "extreme": _extreme,
    "truncate": _truncate,
    "reverse": _reverse,
    "replace": _replace,
    "concat": _concat,
    "concat_ws": _concat_ws,
    "split": _split,
    "typeof": _typeof,
    "regexp": _regexp,
    "cardinality": _cardinality,
    "contains": _contains,
    "array_join": _array_join,
    "element_at": _element_at,
    "sequence": _sequence,
    "json": _json,
    "json_array_contains": _json_array_contains,
    "percentile": _percentile,
    "listagg": _listagg,
    "mod": _mod,
}
