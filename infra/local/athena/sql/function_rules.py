"""The functions whose DuckDB form depends on the types or the literals of the call."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlglot import exp

from infra.local.athena.errors import NotSupported, QueryError
from infra.local.athena.sql import casts, date_formats, operators
from infra.local.athena.sql.scope import text
from infra.local.athena.sql.types import (
    BIGINT,
    DATE,
    DAYS,
    DOUBLE,
    INTEGER,
    MONTHS,
    TIMESTAMP_TZ,
    UNKNOWN,
    VARCHAR,
    Type,
    array,
    common,
    decimal,
)


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of one call.

    Attributes:
        name: The function.
        nodes: As parsed.
        sql: As compiled for DuckDB.
        types: Their Trino types.
    """

    name: str
    nodes: Sequence[exp.Expr]
    sql: Sequence[str]
    types: Sequence[Type]

    def literal(self, i: int) -> str:
        """The text of a literal argument.

        Raises:
            NotSupported: It is computed.
        """
        node = self.nodes[i]
        if not (isinstance(node, exp.Literal) and node.is_string):
            raise NotSupported(f"{self.name} with a computed argument {i + 1}: write it as a literal")
        return node.name

    def common(self) -> Type:
        """The type that all arguments share.

        Raises:
            QueryError: There is none.
        """
        kind = UNKNOWN
        for other in self.types:
            shared = common(kind, other)
            if shared is None:
                raise QueryError(
                    "TYPE_MISMATCH",
                    f"line 1:1: All {self.name} arguments must be the same type: {kind}, {other}",
                )
            kind = shared
        return kind


# --- types of results


def _whole(a: Arguments) -> Type:
    kind = a.types[0]
    return decimal(kind.precision - kind.scale + min(kind.scale, 1), 0) if kind.name == "decimal" else kind


def _round_type(a: Arguments) -> Type:
    kind = a.types[0]
    if kind.name != "decimal":
        return kind
    return _whole(a) if len(a.types) == 1 else decimal(kind.precision + 1, kind.scale)


def _sum_type(a: Arguments) -> Type:
    kind = a.types[0]
    return BIGINT if kind.is_integer else decimal(38, kind.scale) if kind.name == "decimal" else kind


def _avg_type(a: Arguments) -> Type:
    return a.types[0] if a.types[0].name in ("decimal", "real") else DOUBLE


def _concat_type(a: Arguments) -> Type:
    kind = a.common()
    if kind.name not in ("varchar", "array", "varbinary", "unknown"):
        raise QueryError(
            "FUNCTION_NOT_FOUND", f"line 1:1: Cannot apply operator: {a.types[0]} || {a.types[1]}"
        )
    return kind


def _element_type(a: Arguments) -> Type:
    kind = a.types[0]
    if kind.name not in ("array", "map"):
        raise QueryError(
            "FUNCTION_NOT_FOUND", f"line 1:1: Unexpected parameters ({kind}, …) for function element_at"
        )
    return kind.args[-1]


def _zoned(zone: str) -> Type:
    if not re.fullmatch(r"UTC|[A-Za-z_]+(/[A-Za-z_]+)+", zone):
        raise NotSupported(f"time zone {zone!r}: write the name of a region, such as 'Europe/Madrid'")
    return Type(TIMESTAMP_TZ.name, fields=() if zone == "UTC" else (zone,))


def _zone_of_second(a: Arguments) -> Type:
    return _zoned(a.literal(1)) if len(a.types) > 1 else TIMESTAMP_TZ


def _percentile_type(a: Arguments) -> Type:
    return array(a.types[0]) if a.types[1].name == "array" else a.types[0]


def _sequence_type(a: Arguments) -> Type:
    kind = common(a.types[0], a.types[1])
    if kind is None:
        raise QueryError(
            "FUNCTION_NOT_FOUND",
            f"line 1:1: Unexpected parameters for function sequence: {a.types[0]}, {a.types[1]}",
        )
    return array(BIGINT if kind.is_integer else kind)


TYPE_RULES: dict[str, Callable[[Arguments], Type]] = {
    "whole": _whole,
    "round": _round_type,
    "mod": lambda a: operators.arithmetic("%", "x", a.types[0], "y", a.types[1])[1],
    "sum": _sum_type,
    "avg": _avg_type,
    "common": Arguments.common,
    "concat": _concat_type,
    "element": _element_type,
    "tz_arg1": _zone_of_second,
    "tz_utc": lambda a: TIMESTAMP_TZ,
    "percentile": _percentile_type,
    "sequence": _sequence_type,
}

# --- DuckDB's form


def _coerced(a: Arguments, kind: Type) -> list[str]:
    return [casts.coerce(sql, have, kind) for sql, have in zip(a.sql, a.types, strict=True)]


def _extreme(a: Arguments, result: Type, detail: str) -> str:
    values = _coerced(a, result)
    missing = " OR ".join(f"{v} IS NULL" for v in values)
    return f"CASE WHEN {missing} THEN NULL ELSE {a.name}({', '.join(values)}) END"


def _truncate(a: Arguments, result: Type, detail: str) -> str:
    if len(a.sql) > 1:
        raise NotSupported("truncate(x, n): use floor or a cast to decimal")
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
        raise NotSupported("split with a limit")
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
        return f"CASE WHEN regexp_matches({subject}, {pattern}) THEN regexp_extract({subject}, {pattern}, {group}) END"
    if a.name == "regexp_extract_all":
        return f"regexp_extract_all({subject}, {pattern}, {group})"
    if a.name == "regexp_split":
        return f"string_split_regex({subject}, {pattern})"
    if a.name == "regexp_count":
        return f"CAST(len(regexp_extract_all({subject}, {pattern})) AS BIGINT)"
    replacement = a.literal(2) if len(a.sql) > 2 else ""
    if re.search(r"\$\{", replacement):
        raise NotSupported("regexp_replace with a named group")
    re2 = re.sub(r"\$(\d)", r"\\\1", replacement.replace("\\", "\\\\"))
    return f"regexp_replace({subject}, {pattern}, {text(re2)}, 'g')"


def _date(a: Arguments, result: Type, detail: str) -> str:
    return casts.cast(a.sql[0], a.types[0], DATE)


def _to_iso(a: Arguments, result: Type, detail: str) -> str:
    local, kind = casts.wall_clock(a.sql[0], a.types[0]), a.types[0]
    if kind == DATE:
        return f"strftime({local}, '%Y-%m-%d')"
    if kind.fields:
        raise NotSupported("to_iso8601 of a time outside UTC")
    suffix = "Z" if kind.name == "timestamp with time zone" else ""
    return f"strftime({local}, '%Y-%m-%dT%H:%M:%S.%g{suffix}')"


def _to_unixtime(a: Arguments, result: Type, detail: str) -> str:
    return f"epoch({casts.instant(a.sql[0], a.types[0])})"


_UNITS = ("millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year")


def _unit(a: Arguments) -> str:
    unit = a.literal(0).lower()
    if unit not in _UNITS:
        raise QueryError(
            "INVALID_FUNCTION_ARGUMENT",
            f"line 1:1: '{unit}' is not a valid {a.name} field: one of {', '.join(_UNITS)}",
        )
    return unit


def _back(local: str, kind: Type) -> str:
    """From the clock on the wall back to the type it came from."""
    if kind.name == "timestamp with time zone":
        return f"timezone({text(casts.zone_of(kind))}, CAST({local} AS TIMESTAMP))"
    return f"CAST({local} AS {kind.duckdb})"


def _date_trunc(a: Arguments, result: Type, detail: str) -> str:
    unit = _unit(a)
    if result == DATE and unit in _UNITS[:4]:
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"line 1:1: '{unit}' is not a valid DATE field")
    return _back(f"date_trunc({text(unit)}, {casts.wall_clock(a.sql[1], a.types[1])})", result)


def _date_add(a: Arguments, result: Type, detail: str) -> str:
    unit = _unit(a)
    if result == DATE and unit in _UNITS[:4]:
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"line 1:1: '{unit}' is not a valid DATE field")
    amount = f"CAST({a.sql[1]} AS BIGINT)" if unit in _UNITS[:4] else f"CAST({a.sql[1]} AS INTEGER)"
    step = f"to_months(3 * {amount})" if unit == "quarter" else f"to_{unit}s({amount})"
    if result.name == "timestamp with time zone" and unit in _UNITS[:4]:
        return f"{a.sql[2]} + {step}"  # hours elapse on the instant, days on the wall
    return _back(f"{casts.wall_clock(a.sql[2], result)} + {step}", result)


def _date_diff(a: Arguments, result: Type, detail: str) -> str:
    unit = _unit(a)
    kind = common(a.types[1], a.types[2])
    if kind is None:
        raise QueryError(
            "FUNCTION_NOT_FOUND",
            f"line 1:1: Unexpected parameters for function date_diff: {a.types[1]}, {a.types[2]}",
        )
    start, end = (casts.coerce(sql, have, kind) for sql, have in zip(a.sql[1:], a.types[1:], strict=True))
    if unit not in _UNITS[:4]:
        start, end = casts.wall_clock(start, kind), casts.wall_clock(end, kind)
    return f"date_sub({text(unit)}, {start}, {end})"  # whole units elapsed, not boundaries crossed


def _part(a: Arguments, result: Type, detail: str) -> str:
    kind = a.types[0]
    if kind == DATE and detail in ("hour", "minute", "second", "millisecond"):
        raise QueryError(
            "FUNCTION_NOT_FOUND", f"line 1:1: Unexpected parameters (date) for function {a.name}"
        )
    local = casts.wall_clock(a.sql[0], kind)
    # DuckDB's milliseconds count from the minute.
    value = (
        f"date_part('millisecond', {local}) % 1000"
        if detail == "millisecond"
        else f"date_part({text(detail)}, {local})"
    )
    return f"CAST({value} AS BIGINT)"


def _last_day(a: Arguments, result: Type, detail: str) -> str:
    return f"last_day({casts.wall_clock(a.sql[0], a.types[0])})"


def _date_format(a: Arguments, result: Type, detail: str) -> str:
    return date_formats.mysql_to_text(casts.wall_clock(a.sql[0], a.types[0]), a.literal(1))


def _date_parse(a: Arguments, result: Type, detail: str) -> str:
    return f"strptime({a.sql[0]}, {text(date_formats.mysql_pattern(a.literal(1), parsing=True))})"


def _format_datetime(a: Arguments, result: Type, detail: str) -> str:
    return date_formats.joda_to_text(
        casts.wall_clock(a.sql[0], a.types[0]), a.literal(1), casts.zone_of(a.types[0])
    )


def _parse_datetime(a: Arguments, result: Type, detail: str) -> str:
    return f"timezone('UTC', strptime({a.sql[0]}, {text(date_formats.joda_pattern(a.literal(1)))}))"


def _at_timezone(a: Arguments, result: Type, detail: str) -> str:
    if a.types[0] == DATE:
        raise QueryError(
            "TYPE_MISMATCH",
            "line 1:1: Type of value must be a time or timestamp with or without time zone (actual date)",
        )
    return casts.instant(a.sql[0], a.types[0])


def _with_timezone(a: Arguments, result: Type, detail: str) -> str:
    if a.types[0].name != "timestamp":
        raise QueryError(
            "FUNCTION_NOT_FOUND",
            f"line 1:1: Unexpected parameters ({a.types[0]}, varchar) for function with_timezone",
        )
    return f"timezone({text(casts.zone_of(result))}, {a.sql[0]})"


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
    return f"CASE WHEN {a.sql[1]} IS NULL THEN NULL WHEN {found} THEN true WHEN {unsure} THEN NULL ELSE {found} END"


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
        raise NotSupported(f"sequence of {element}")
    if len(a.sql) > 2 and a.types[2] not in (DAYS, MONTHS) or len(a.sql) == 2 and element != DATE:
        raise QueryError(
            "FUNCTION_NOT_FOUND", "line 1:1: sequence of timestamps needs an interval as its step"
        )
    step = a.sql[2] if len(a.sql) > 2 else f"CASE WHEN {start} <= {stop} THEN to_days(1) ELSE to_days(-1) END"
    return f"CAST(generate_series(CAST({start} AS TIMESTAMP), CAST({stop} AS TIMESTAMP), {step}) AS {result.duckdb})"


def _json(a: Arguments, result: Type, detail: str) -> str:
    path = text(json_path(a.literal(1)))
    if a.name == "json_extract":
        return f"json_extract({a.sql[0]}, {path})"
    found = f"json_extract(CAST({a.sql[0]} AS JSON), {path})"
    if a.name == "json_extract_scalar":
        return f"CASE WHEN json_type({found}) NOT IN ('ARRAY', 'OBJECT') THEN {found} ->> '$' END"
    return (
        f"CASE json_type({found}) WHEN 'ARRAY' THEN CAST(json_array_length({found}) AS BIGINT) "
        f"WHEN 'OBJECT' THEN CAST(len(json_keys({found})) AS BIGINT) WHEN NULL THEN NULL ELSE 0 END"
    )


def json_path(path: str) -> str:
    """A Trino JSON path in DuckDB's spelling: member names quoted.

    Raises:
        NotSupported: It has wildcards, filters or functions.
    """
    step = re.compile(r"\.([A-Za-z_][\w-]*)|\[(\d+)\]|\[\"([^\"]+)\"\]|\['([^']+)'\]")
    if not path.startswith("$"):
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"line 1:1: Invalid JSON path: '{path}'")
    rest, parts = path[1:], ["$"]
    while rest:
        match = step.match(rest)
        if match is None:
            raise NotSupported(
                f"the JSON path {path!r}: only member names and array positions are understood"
            )
        name = match[1] or match[3] or match[4]
        parts.append(f'."{name}"' if name else f"[{match[2]}]")
        rest = rest[match.end() :]
    return "".join(parts)


def _json_array_contains(a: Arguments, result: Type, detail: str) -> str:
    if a.types[1] not in (VARCHAR, INTEGER, BIGINT):
        raise NotSupported(f"json_array_contains of {a.types[1]}")
    return f"json_contains(CAST({a.sql[0]} AS JSON), to_json({a.sql[1]}))"


def _percentile(a: Arguments, result: Type, detail: str) -> str:
    # An exact quantile is within any approximation's promise.
    return f"quantile_disc({a.sql[0]}, {a.sql[1]})"


def _listagg(a: Arguments, result: Type, detail: str) -> str:
    return f"string_agg({a.sql[0]}, {a.sql[1] if len(a.sql) > 1 else text('')})"


def _mod(a: Arguments, result: Type, detail: str) -> str:
    return operators.arithmetic("%", a.sql[0], a.types[0], a.sql[1], a.types[1])[0]


RULES: dict[str, Callable[[Arguments, Type, str], str]] = {
    "extreme": _extreme,
    "truncate": _truncate,
    "reverse": _reverse,
    "replace": _replace,
    "concat": _concat,
    "concat_ws": _concat_ws,
    "split": _split,
    "typeof": _typeof,
    "regexp": _regexp,
    "date": _date,
    "to_iso8601": _to_iso,
    "to_unixtime": _to_unixtime,
    "date_trunc": _date_trunc,
    "date_add": _date_add,
    "date_diff": _date_diff,
    "part": _part,
    "last_day": _last_day,
    "date_format": _date_format,
    "date_parse": _date_parse,
    "format_datetime": _format_datetime,
    "parse_datetime": _parse_datetime,
    "at_timezone": _at_timezone,
    "with_timezone": _with_timezone,
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
