"""CAST as Trino does it, and the small rewrites that moving between types needs."""

from __future__ import annotations

from infra.local.athena.errors import NotSupportedError, QueryError
from infra.local.athena.sql.scope import quoted, text
from infra.local.athena.sql.types import (
    BOOLEAN,
    DATE,
    DOUBLE,
    JSON,
    REAL,
    TIMESTAMP,
    UNKNOWN,
    UUID,
    VARBINARY,
    VARCHAR,
    Type,
)

UTC = "UTC"


def zone_of(kind: Type) -> str:
    """The zone that a `timestamp with time zone` shows itself in; UTC is the session's."""
    return kind.fields[0] if kind.fields else UTC


def wall_clock(sql: str, kind: Type) -> str:
    """A date or timestamp as the clock on the wall of its zone shows it (a naive TIMESTAMP)."""
    if kind.name == "timestamp with time zone":
        return f"timezone({text(zone_of(kind))}, {sql})"
    return sql


def instant(sql: str, kind: Type) -> str:
    """A date or timestamp as an instant; what has no zone is read in the session's, UTC."""
    if kind.name == "timestamp with time zone":
        return sql
    return f"timezone('UTC', CAST({sql} AS TIMESTAMP))"


def coerce(sql: str, have: Type, want: Type) -> str:
    """Trino's implicit conversion, where `types.common` has allowed it."""
    if have == want or UNKNOWN in (have, want):
        return sql
    if want.name == "timestamp with time zone":
        return instant(sql, have)
    if (have.is_number and want.is_number) or have == DATE:
        return f"CAST({sql} AS {want.duckdb})"
    return sql


def cast(sql: str, have: Type, want: Type, *, attempt: bool = False, length: int | None = None) -> str:
    """An explicit CAST or TRY_CAST.

    Args:
        sql: DuckDB expression of type `have`.
        have: Its type.
        want: The target.
        attempt: TRY_CAST: NULL where CAST would fail.
        length: The n of varchar(n), which truncates.

    Raises:
        QueryError: Trino has no such cast.
        NotSupportedError: Trino has it, and this server would print it differently.
    """
    converted = _convert(sql, have, want)
    if length is not None:
        converted = f"substr({converted}, 1, {length})"
    return f"TRY({converted})" if attempt else converted


def _convert(sql: str, have: Type, want: Type) -> str:  # noqa: PLR0911 - one return a family of types
    plain = f"CAST({sql} AS {want.duckdb})"
    if have in (want, UNKNOWN):
        return plain
    if have == VARCHAR:
        return _from_varchar(sql, want)
    if have == JSON:
        return _from_json(sql, want)
    if want == VARCHAR:
        return _to_varchar(sql, have)
    if want == JSON:
        return _to_json(sql, have)
    if have.is_number and want.is_number:
        # Trino rounds half away from zero, DuckDB's float to integer cast half to even.
        return f"CAST(round({sql}) AS {want.duckdb})" if have in (DOUBLE, REAL) and want.is_integer else plain
    if (have == BOOLEAN and want.is_number) or (have.is_number and want == BOOLEAN):
        return plain
    if have.is_datetime and want.is_datetime:
        local = wall_clock(sql, have)
        return (
            instant(local, TIMESTAMP)
            if want.name == "timestamp with time zone"
            else f"CAST({local} AS {want.duckdb})"
        )
    if have.is_datetime and want.name == "time":
        return f"CAST({wall_clock(sql, have)} AS TIME)"
    if have.name == want.name and have.args and len(have.args) == len(want.args):
        return _nested(sql, have, want)
    raise QueryError("TYPE_MISMATCH", f"line 1:1: Cannot cast {have} to {want}")


def _nested(sql: str, have: Type, want: Type) -> str:
    """Element by element, and fields by position: DuckDB would match them by name."""
    if have.name == "array":
        inner = _convert("t_c", have.args[0], want.args[0])
        return f"CAST(list_transform({sql}, lambda t_c: {inner}) AS {want.duckdb})"
    if have.name == "row":
        fields = []
        for i, (a, b) in enumerate(zip(have.args, want.args, strict=True)):
            old, new = have.fields[i] or f"field{i}", want.fields[i] or f"field{i}"
            fields.append(f"{quoted(new)} := {_convert(f'struct_extract({sql}, {text(old)})', a, b)}")
        return f"CASE WHEN {sql} IS NULL THEN NULL ELSE struct_pack({', '.join(fields)}) END"
    for inner_have, inner_want in zip(have.args, want.args, strict=True):
        _convert("x", inner_have, inner_want)  # raises where a key or value cannot
    return f"CAST({sql} AS {want.duckdb})"


def _from_varchar(sql: str, want: Type) -> str:  # noqa: PLR0911 - one return a type
    if want.is_integer:
        return f"CAST(t_int_text({sql}) AS {want.duckdb})"
    if want.is_number:
        return f"CAST(t_number_text({sql}) AS {want.duckdb})"
    if want == BOOLEAN:
        return f"t_boolean_text({sql})"
    if want == DATE:
        return f"CAST(t_date_text({sql}) AS DATE)"
    if want == TIMESTAMP:
        return f"CAST(t_timestamp_text({sql}) AS TIMESTAMP)"
    if want.name == "timestamp with time zone":
        return f"CAST({sql} AS TIMESTAMPTZ)"
    if want == VARBINARY:
        return f"encode({sql})"
    if want == JSON:
        return f"to_json({sql})"
    if want.name in ("time", "uuid"):
        return f"CAST({sql} AS {want.duckdb})"
    raise QueryError("TYPE_MISMATCH", f"line 1:1: Cannot cast varchar to {want}")


def _from_json(sql: str, want: Type) -> str:
    if want.is_datetime:
        raise QueryError("TYPE_MISMATCH", f"line 1:1: Cannot cast json to {want}")
    # A JSON null becomes SQL's, and a JSON string loses its quotes.
    scalar = f"({sql} ->> '$')"
    if want == VARCHAR:
        return scalar
    if want.is_number or want == BOOLEAN:
        return _from_varchar(scalar, want)
    return f"CAST({sql} AS {want.duckdb})"


def _to_json(sql: str, have: Type) -> str:
    def plain(kind: Type) -> bool:
        if kind.name == "row":
            return all(kind.fields) and all(map(plain, kind.args))
        if kind.args:
            return all(map(plain, kind.args))
        return kind.is_integer or kind.name in ("varchar", "boolean", "json", "unknown")

    if not plain(have):
        raise NotSupportedError(
            f"CAST of {have} to json: numbers with fractions and dates print otherwise in Athena"
        )
    return f"to_json({sql})"


def _to_varchar(sql: str, have: Type) -> str:
    if have == TIMESTAMP:
        return f"strftime({sql}, '%Y-%m-%d %H:%M:%S.%g')"
    if have.name == "timestamp with time zone":
        return f"strftime({wall_clock(sql, have)}, '%Y-%m-%d %H:%M:%S.%g') || {text(' ' + zone_of(have))}"
    if have.name in ("double", "real"):
        raise NotSupportedError(
            f"CAST({have} AS varchar) prints Java's scientific notation in Athena; "
            "cast to a decimal first to say how many digits you want"
        )
    if have.is_integer or have.name in ("decimal", "boolean", "date", "time") or have == UUID:
        return f"CAST({sql} AS VARCHAR)"
    if have == VARBINARY:
        return f"decode({sql})"
    raise QueryError("TYPE_MISMATCH", f"line 1:1: Cannot cast {have} to varchar")
