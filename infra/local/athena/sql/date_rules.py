"""Date functions whose DuckDB form depends on the types or the literals of the call."""

from __future__ import annotations

from collections.abc import Callable

from infra.local.athena.errors import NotSupportedError, QueryError
from infra.local.athena.sql import casts, date_formats
from infra.local.athena.sql.result_types import Arguments
from infra.local.athena.sql.scope import text
from infra.local.athena.sql.types import DATE, Type, common


def _date(a: Arguments, result: Type, detail: str) -> str:
    return casts.cast(a.sql[0], a.types[0], DATE)


def _to_iso(a: Arguments, result: Type, detail: str) -> str:
    local, kind = casts.wall_clock(a.sql[0], a.types[0]), a.types[0]
    if kind == DATE:
        return f"strftime({local}, '%Y-%m-%d')"
    if kind.fields:
        raise NotSupportedError("to_iso8601 of a time outside UTC")
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


DATE_RULES: dict[str, Callable[[Arguments, Type, str], str]] = {
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
}
