"""Trino's answers where DuckDB's functions give another one, written as DuckDB macros."""

from __future__ import annotations

# A failed conversion is DuckDB's only error that TRY can catch (`error()` counts as volatile);
# the mark lets `engine.py` read the message back.
FAILURE_MARK = "\u27ealuca\u27eb"

# Trino trims every blank, DuckDB only spaces.
_BLANKS = (
    "' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || chr(28) || chr(29) || chr(30) || chr(31)"
)

MACROS: tuple[str, ...] = (
    f"t_fail(m) AS CAST('{FAILURE_MARK}' || m AS INTEGER)",
    "t_ln(x) AS CASE WHEN x = 0 THEN '-inf'::DOUBLE WHEN x < 0 THEN 'nan'::DOUBLE ELSE ln(x) END",
    "t_log10(x) AS CASE WHEN x = 0 THEN '-inf'::DOUBLE WHEN x < 0 THEN 'nan'::DOUBLE ELSE log10(x) END",
    # Trino counts from 1, and position 0 or one before the beginning gives nothing.
    (
        "t_substr(s, p) AS CASE WHEN p = 0 OR p < -length(s) THEN '' ELSE substr(s, p) END, "
        "(s, p, n) AS CASE WHEN p = 0 OR p < -length(s) OR n <= 0 THEN '' ELSE substr(s, p, n) END"
    ),
    f"t_trim(s) AS trim(s, {_BLANKS}), (s, c) AS trim(s, c)",
    f"t_ltrim(s) AS ltrim(s, {_BLANKS}), (s, c) AS ltrim(s, c)",
    f"t_rtrim(s) AS rtrim(s, {_BLANKS}), (s, c) AS rtrim(s, c)",
    # Text that is no JSON has no members; DuckDB would fail.
    "t_json(j) AS CASE WHEN json_valid(j) THEN CAST(j AS JSON) END",
    (
        "t_split_part(s, d, i) AS CASE WHEN i < 1 THEN CAST(t_fail('Index must be greater than zero') AS"
        " VARCHAR) ELSE list_extract(string_split(s, d), i) END"
    ),
    (
        "t_iso_date(s) AS CASE WHEN s IS NULL OR regexp_full_match(s, '\\d{4}-\\d{2}-\\d{2}') THEN CAST(s AS"
        " DATE) ELSE CAST(t_fail('Invalid format: \"' || s || '\"') AS VARCHAR)::DATE END"
    ),
    (
        "t_iso_timestamp(s) AS CASE WHEN s IS NULL OR regexp_full_match(s, "
        "'\\d{4}-\\d{2}-\\d{2}(T\\d{2}(:\\d{2}(:\\d{2}([.,]\\d{1,9})?)?)?(Z|[+-]\\d{2}(:?\\d{2})?)?)?') "
        "THEN replace(s, ',', '.') ELSE CAST(t_fail('Invalid format: \"' || s || '\"') AS VARCHAR) END"
    ),
    (
        "t_slice(a, s, n) AS CASE WHEN n < 0 THEN list_slice(a, 1, t_fail('length must be greater than or"
        " equal to 0')) WHEN s = 0 THEN list_slice(a, 1, t_fail('SQL array indices start at 1')) WHEN abs(s)"
        " > len(a) OR n = 0 THEN list_slice(a, 1, 0) WHEN s > 0 THEN list_slice(a, s, s + n - 1) ELSE"
        " list_slice(a, len(a) + s + 1, len(a) + s + n) END"
    ),
    (
        "t_array_distinct(a) AS list_filter(a, lambda e, i: CASE WHEN e IS NULL THEN"
        " len(list_filter(list_slice(a, 1, i - 1), lambda o: o IS NULL)) = 0 ELSE list_position(a, e) = i"
        " END)"
    ),
    (
        "t_subscript(a, i) AS CASE WHEN i < 0 THEN list_extract(a, t_fail('Array subscript is negative: ' ||"
        " i)) WHEN i = 0 THEN list_extract(a, t_fail('SQL array indices start at 1')) WHEN i > len(a) THEN"
        " list_extract(a, t_fail('Array subscript must be less than or equal to array length: ' || i || ' > '"
        " || len(a))) ELSE list_extract(a, i) END"
    ),
    (
        "t_element_at(a, i) AS CASE WHEN i = 0 THEN list_extract(a, t_fail('SQL array indices start at 1')) "
        "ELSE list_extract(a, i) END"
    ),
    (
        "t_map_at(m, k) AS CASE WHEN m IS NULL OR k IS NULL THEN NULL WHEN map_contains(m, k) THEN"
        " map_extract_value(m, k) ELSE list_extract(map_values(m), t_fail('Key not present in map: ' ||"
        " k)) END"
    ),
    "t_array_position(a, x) AS CAST(coalesce(list_position(a, x), "
    "CASE WHEN a IS NOT NULL AND x IS NOT NULL THEN 0 END) AS BIGINT)",
    "t_array_intersect(a, b) AS t_array_distinct(list_filter(a, lambda e: list_contains(b, e)))",
    "t_array_except(a, b) AS t_array_distinct(list_filter(a, lambda e: NOT list_contains(b, e)))",
    "t_json_array_length(j) AS CASE WHEN json_type(j) = 'ARRAY' "
    "THEN CAST(json_array_length(j) AS BIGINT) END",
    "t_url_protocol(u) AS nullif(regexp_extract(u, '^([a-zA-Z][a-zA-Z0-9+.-]*)://', 1), '')",
    "t_url_host(u) AS "
    "nullif(regexp_extract(u, '^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:]+)', 1), '')",
    "t_url_path(u) AS regexp_extract(u, '^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*([^?#]*)', 1)",
    "t_entry(k1, v1) AS CASE WHEN k1 IS NOT NULL THEN struct_pack(k := k1, v := v1) END",
    # A key that comes twice keeps its first value.
    (
        "t_map_of(l) AS map_from_entries(list_filter(list_filter(l, lambda e: e IS NOT NULL), lambda e, i:"
        " list_position(list_transform(list_filter(l, lambda e: e IS NOT NULL), lambda o: o.k), e.k) = i))"
    ),
    (
        "t_int_text(s) AS CASE WHEN s IS NULL OR regexp_full_match(s, '[+-]?[0-9]+') THEN s "
        "ELSE CAST(t_fail('Cannot cast ''' || s || ''' to an integer') AS VARCHAR) END"
    ),
    (
        "t_number_text(s) AS CASE WHEN s IS NULL OR regexp_full_match(trim(s), "
        "'[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?|NaN|[+-]?Infinity') THEN trim(s) "
        "ELSE CAST(t_fail('Cannot cast ''' || s || ''' to a number') AS VARCHAR) END"
    ),
    (
        "t_boolean_text(s) AS CASE WHEN s IS NULL THEN NULL WHEN lower(s) IN ('t', 'true', '1') THEN true "
        "WHEN lower(s) IN ('f', 'false', '0') THEN false "
        "ELSE CAST(t_fail('Cannot cast ''' || s || ''' to boolean') AS BOOLEAN) END"
    ),
    (
        "t_date_text(s) AS CASE WHEN s IS NULL OR regexp_full_match(trim(s),"
        " '[+-]?\\d{4,}-\\d{1,2}-\\d{1,2}') THEN trim(s) ELSE CAST(t_fail('Value cannot be cast to date: ' ||"
        " s) AS VARCHAR) END"
    ),
    (
        "t_timestamp_text(s) AS CASE WHEN s IS NULL OR regexp_full_match(trim(s), "
        "'[+-]?\\d{4,}-\\d{1,2}-\\d{1,2}( \\d{1,2}:\\d{1,2}(:\\d{1,2}(\\.\\d{1,12})?)?)?') "
        "THEN trim(s) ELSE CAST(t_fail('Value cannot be cast to timestamp: ' || s) AS VARCHAR) END"
    ),
)
