"""The functions of Athena that this server has: one table, and nothing outside it is answered.

A line reads: name, kinds of the arguments, type of the result, DuckDB expression. Kinds: `v`
varchar, `n` number, `i` integer, `d` number read as double, `b` boolean, `t` date or timestamp,
`a` array, `m` map, `j` JSON or text of it, `B` varbinary, `x` anything; `?` after a kind makes
it optional, `*` lets it repeat. Results: a type, `$0` for the type of an argument, `e0` for its
element, `k0`, `v0` for the key and value of a map. An expression starting with `@` names a rule of
`function_rules` or `result_types`.

https://docs.aws.amazon.com/athena/latest/ug/functions-env3.html
"""

from __future__ import annotations

from dataclasses import dataclass

from infra.local.athena.errors import QueryError
from infra.local.athena.sql.types import Type, array, map_of, parse_type


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the table.

    Attributes:
        name: Trino's name.
        kinds: Kind of each argument, with its `?` or `*`.
        result: Type of the result, as the table writes it.
        sql: DuckDB template, or `@rule`.
        role: `scalar`, `aggregate` or `window`.
        wrap: Template around a finished aggregate, after its FILTER and OVER.
    """

    name: str
    kinds: tuple[str, ...]
    result: str
    sql: str
    role: str
    wrap: str = ""

    def check(self, arguments: list[Type]) -> None:
        """Refuses calls that Trino refuses.

        Raises:
            QueryError: Number or types of the arguments do not fit.
        """
        required = sum(1 for kind in self.kinds if kind[-1] not in "?*")
        repeats = bool(self.kinds) and self.kinds[-1].endswith("*")
        fits = required <= len(arguments) and (repeats or len(arguments) <= len(self.kinds))
        if fits:
            for i, argument in enumerate(arguments):
                kind = self.kinds[min(i, len(self.kinds) - 1)][0]
                fits = fits and _fits(argument, kind)
        if not fits:
            given = ", ".join(map(str, arguments))
            raise QueryError(
                "FUNCTION_NOT_FOUND",
                f"line 1:1: Unexpected parameters ({given}) for function {self.name}. "
                f"Expected: {self.name}({', '.join(self.kinds)})",
            )

    def result_type(self, arguments: list[Type]) -> Type:
        """The type that Trino gives the call; rules that compute one write `@`."""
        spec = self.result
        if spec.startswith("array:"):
            return array(_spec(spec[6:], arguments))
        if spec.startswith("map:"):
            key, value = spec[4:].split(":")
            return map_of(_spec(key, arguments), _spec(value, arguments))
        return _spec(spec, arguments)


def _spec(spec: str, arguments: list[Type]) -> Type:
    if spec[0] == "$":
        return arguments[int(spec[1])]
    if spec[0] in "ekv" and spec[1:].isdigit():
        owner = arguments[int(spec[1])]
        return owner.args[-1 if spec[0] == "v" else 0] if owner.args else owner
    return parse_type(spec)


def _fits(kind: Type, wanted: str) -> bool:
    name = kind.name
    if wanted == "x" or name == "unknown":
        return True
    return {
        "v": name == "varchar",
        "n": kind.is_number,
        "d": kind.is_number,
        "i": kind.is_integer,
        "b": name == "boolean",
        "t": kind.is_datetime,
        "a": name == "array",
        "m": name == "map",
        "j": name in ("json", "varchar"),
        "B": name == "varbinary",
        "l": name == "interval day to second",
    }[wanted]


_SCALARS = r"""
abs                  | n       | $0        | abs({0})
sign                 | n       | $0        | CAST(sign({0}) AS {r})
ceil                 | n       | @whole    | CAST(ceil({0}) AS {r})
ceiling              | n       | @whole    | CAST(ceil({0}) AS {r})
floor                | n       | @whole    | CAST(floor({0}) AS {r})
round                | n i?    | @round    | CAST(round({*}) AS {r})
truncate             | n i?    | @round    | @truncate
power                | d d     | double    | pow({0}, {1})
pow                  | d d     | double    | pow({0}, {1})
sqrt                 | d       | double    | CASE WHEN {0} < 0 THEN 'nan'::DOUBLE ELSE sqrt({0}) END
cbrt                 | d       | double    | cbrt({0})
exp                  | d       | double    | exp({0})
ln                   | d       | double    | t_ln({0})
log2                 | d       | double    | t_ln({0}) / ln(2)
log10                | d       | double    | t_log10({0})
log                  | d d     | double    | t_ln({1}) / t_ln({0})
sin                  | d       | double    | sin({0})
cos                  | d       | double    | cos({0})
tan                  | d       | double    | tan({0})
asin                 | d       | double    | CASE WHEN abs({0}) > 1 THEN 'nan'::DOUBLE ELSE asin({0}) END
acos                 | d       | double    | CASE WHEN abs({0}) > 1 THEN 'nan'::DOUBLE ELSE acos({0}) END
atan                 | d       | double    | atan({0})
atan2                | d d     | double    | atan2({0}, {1})
degrees              | d       | double    | degrees({0})
radians              | d       | double    | radians({0})
pi                   |         | double    | pi()
e                    |         | double    | exp(1)
nan                  |         | double    | 'nan'::DOUBLE
infinity             |         | double    | 'inf'::DOUBLE
is_nan               | d       | boolean   | isnan({0})
is_finite            | d       | boolean   | isfinite({0})
is_infinite          | d       | boolean   | isinf({0})
random               |         | double    | random()
rand                 |         | double    | random()
mod                  | n n     | @mod      | @mod
bitwise_and          | i i     | bigint    | CAST({0} AS BIGINT) & CAST({1} AS BIGINT)
bitwise_or           | i i     | bigint    | CAST({0} AS BIGINT) | CAST({1} AS BIGINT)
bitwise_xor          | i i     | bigint    | xor(CAST({0} AS BIGINT), CAST({1} AS BIGINT))
bitwise_not          | i       | bigint    | ~CAST({0} AS BIGINT)
greatest             | x*      | @common   | @extreme
least                | x*      | @common   | @extreme
length               | v       | bigint    | length({0})
lower                | v       | varchar   | lower({0})
upper                | v       | varchar   | upper({0})
trim                 | v v?    | varchar   | t_trim({*})
ltrim                | v v?    | varchar   | t_ltrim({*})
rtrim                | v v?    | varchar   | t_rtrim({*})
reverse              | x       | $0        | @reverse
replace              | v v v?  | varchar   | @replace
substr               | v i i?  | varchar   | t_substr({*})
substring            | v i i?  | varchar   | t_substr({*})
strpos               | v v     | bigint    | CAST(strpos({0}, {1}) AS BIGINT)
starts_with          | v v     | boolean   | starts_with({0}, {1})
ends_with            | v v     | boolean   | ends_with({0}, {1})
concat               | x x x*  | @concat   | @concat
concat_ws            | v x*    | varchar   | @concat_ws
lpad                 | v i v   | varchar   | lpad({0}, CAST({1} AS INTEGER), {2})
rpad                 | v i v   | varchar   | rpad({0}, CAST({1} AS INTEGER), {2})
split                | v v i?  | array:varchar | @split
split_part           | v v i   | varchar   | t_split_part({0}, {1}, {2})
chr                  | i       | varchar   | chr(CAST({0} AS INTEGER))
codepoint            | v       | integer   | ord({0})
levenshtein_distance | v v     | bigint    | CAST(levenshtein({0}, {1}) AS BIGINT)
hamming_distance     | v v     | bigint    | CAST(hamming({0}, {1}) AS BIGINT)
translate            | v v v   | varchar   | translate({0}, {1}, {2})
to_utf8              | v       | varbinary | encode({0})
from_utf8            | B       | varchar   | decode({0})
to_hex               | B       | varchar   | hex({0})
from_hex             | v       | varbinary | unhex({0})
to_base64            | B       | varchar   | base64({0})
from_base64          | v       | varbinary | from_base64({0})
md5                  | B       | varbinary | unhex(md5({0}))
sha1                 | B       | varbinary | unhex(sha1({0}))
sha256               | B       | varbinary | unhex(sha256({0}))
uuid                 |         | uuid      | uuid()
typeof               | x       | varchar   | @typeof
regexp_like          | v v     | boolean   | @regexp
regexp_extract       | v v i?  | varchar   | @regexp
regexp_extract_all   | v v i?  | array:varchar | @regexp
regexp_replace       | v v v?  | varchar   | @regexp
regexp_split         | v v     | array:varchar | @regexp
regexp_count         | v v     | bigint    | @regexp
date                 | x       | date      | @date
now                  |         | timestamp with time zone | now()
from_iso8601_date    | v       | date      | t_iso_date({0})
from_iso8601_timestamp | v     | @tz_utc   | CAST(t_iso_timestamp({0}) AS TIMESTAMPTZ)
to_iso8601           | t       | varchar   | @to_iso8601
from_unixtime        | n v?    | @tz_arg1  | to_timestamp(round(CAST({0} AS DOUBLE), 3))
to_unixtime          | t       | double    | @to_unixtime
date_trunc           | v t     | $1        | @date_trunc
date_add             | v i t   | $2        | @date_add
date_diff            | v t t   | bigint    | @date_diff
year                 | t       | bigint    | @part year
quarter              | t       | bigint    | @part quarter
month                | t       | bigint    | @part month
week                 | t       | bigint    | @part week
week_of_year         | t       | bigint    | @part week
day                  | t       | bigint    | @part day
day_of_month         | t       | bigint    | @part day
day_of_week          | t       | bigint    | @part isodow
dow                  | t       | bigint    | @part isodow
day_of_year          | t       | bigint    | @part doy
doy                  | t       | bigint    | @part doy
year_of_week         | t       | bigint    | @part isoyear
yow                  | t       | bigint    | @part isoyear
hour                 | t       | bigint    | @part hour
minute               | t       | bigint    | @part minute
second               | t       | bigint    | @part second
millisecond          | t       | bigint    | @part millisecond
last_day_of_month    | t       | date      | @last_day
date_format          | t v     | varchar   | @date_format
date_parse           | v v     | timestamp | @date_parse
format_datetime      | t v     | varchar   | @format_datetime
parse_datetime       | v v     | @tz_utc   | @parse_datetime
at_timezone          | t v     | @tz_arg1  | @at_timezone
with_timezone        | t v     | @tz_arg1  | @with_timezone
to_milliseconds      | l       | bigint    | CAST(epoch_ms({0}) AS BIGINT)
cardinality          | x       | bigint    | @cardinality
contains             | a x     | boolean   | @contains
array_join           | a v v?  | varchar   | @array_join
array_distinct       | a       | $0        | t_array_distinct({0})
array_sort           | a       | $0        | list_sort({0}, 'ASC', 'NULLS LAST')
array_max            | a       | e0        | CASE WHEN len({0}) = list_count({0}) THEN list_max({0}) END
array_min            | a       | e0        | CASE WHEN len({0}) = list_count({0}) THEN list_min({0}) END
array_position       | a x     | bigint    | t_array_position({0}, {1})
array_remove         | a x     | $0        | list_filter({0}, lambda t_e: t_e IS NULL OR t_e <> {1})
array_union          | a a     | $0        | t_array_distinct(list_concat({0}, {1}))
array_intersect      | a a     | $0        | t_array_intersect({0}, {1})
array_except         | a a     | $0        | t_array_except({0}, {1})
arrays_overlap       | a a     | boolean   | list_has_any({0}, {1})
element_at           | x x     | @element  | @element_at
slice                | a i i   | $0        | t_slice({0}, {1}, {2})
sequence             | x x x?  | @sequence | @sequence
flatten              | a       | e0        | flatten(list_filter({0}, lambda t_e: t_e IS NOT NULL))
repeat               | x i     | array:$0  | list_transform(range(CAST({1} AS BIGINT)), lambda t_e: {0})
map                  | a a     | map:e0:e1 | map({0}, {1})
map_keys             | m       | array:k0  | map_keys({0})
map_values           | m       | array:v0  | map_values({0})
map_concat           | m m m*  | $0        | map_concat({*})
json_extract         | j v     | json      | @json
json_extract_scalar  | j v     | varchar   | @json
json_parse           | v       | json      | CAST(json({0}) AS JSON)
json_format          | j       | varchar   | CAST({0} AS VARCHAR)
json_array_length    | j       | bigint    | t_json_array_length(t_json({0}))
json_array_contains  | j x     | boolean   | @json_array_contains
json_size            | j v     | bigint    | @json
url_extract_host     | v       | varchar   | t_url_host({0})
url_extract_path     | v       | varchar   | t_url_path({0})
url_extract_protocol | v       | varchar   | t_url_protocol({0})
"""

_AGGREGATES = r"""
count                | x?      | bigint    | count({*})                | CAST({0} AS BIGINT)
count_if             | b       | bigint    | count(CASE WHEN {0} THEN 1 END) |
sum                  | n       | @sum      | sum({0})                  | CAST({0} AS {r})
avg                  | n       | @avg      | avg({0})                  | CAST({0} AS {r})
min                  | x       | $0        | min({0})                  |
max                  | x       | $0        | max({0})                  |
min_by               | x x     | $0        | arg_min_null({0}, {1})    |
max_by               | x x     | $0        | arg_max_null({0}, {1})    |
arbitrary            | x       | $0        | any_value({0})            |
any_value            | x       | $0        | any_value({0})            |
array_agg            | x       | array:$0  | list({0})                 |
set_agg              | x       | array:$0  | list(DISTINCT {0})        |
map_agg              | x x     | map:$0:$1 | list(t_entry({0}, {1})) | t_map_of({0})
histogram            | x       | map:$0:bigint | histogram({0})        | CAST({0} AS {r})
approx_distinct      | x d?    | bigint    | count(DISTINCT {0})       | CAST({0} AS BIGINT)
approx_percentile    | n x     | @percentile | @percentile             |
bool_and             | b       | boolean   | bool_and({0})             |
bool_or              | b       | boolean   | bool_or({0})              |
every                | b       | boolean   | bool_and({0})             |
stddev               | d       | double    | stddev_samp({0})          |
stddev_samp          | d       | double    | stddev_samp({0})          |
stddev_pop           | d       | double    | stddev_pop({0})           |
variance             | d       | double    | var_samp({0})             |
var_samp             | d       | double    | var_samp({0})             |
var_pop              | d       | double    | var_pop({0})              |
corr                 | d d     | double    | corr({0}, {1}) | CASE WHEN isfinite({0}) THEN {0} END
covar_pop            | d d     | double    | covar_pop({0}, {1})       |
covar_samp           | d d     | double    | covar_samp({0}, {1}) | CASE WHEN isfinite({0}) THEN {0} END
regr_slope           | d d     | double    | regr_slope({0}, {1}) | CASE WHEN isfinite({0}) THEN {0} END
regr_intercept       | d d     | double    | regr_intercept({0}, {1}) | CASE WHEN isfinite({0}) THEN {0} END
geometric_mean       | d       | double    | geomean({0})              |
bitwise_and_agg      | i       | bigint    | bit_and(CAST({0} AS BIGINT)) |
bitwise_or_agg       | i       | bigint    | bit_or(CAST({0} AS BIGINT))  |
listagg              | v v?    | varchar   | @listagg                  |
"""

_WINDOWS = r"""
row_number           |         | bigint    | row_number()
rank                 |         | bigint    | rank()
dense_rank           |         | bigint    | dense_rank()
percent_rank         |         | double    | percent_rank()
cume_dist            |         | double    | cume_dist()
ntile                | i       | bigint    | ntile({0})
lag                  | x i? x? | $0        | lag({*})
lead                 | x i? x? | $0        | lead({*})
first_value          | x       | $0        | first_value({0})
last_value           | x       | $0        | last_value({0})
nth_value            | x i     | $0        | nth_value({0}, {1})
"""

LAMBDAS = frozenset(
    (
        "transform",
        "filter",
        "reduce",
        "any_match",
        "all_match",
        "none_match",
        "zip_with",
        "map_filter",
        "transform_values",
    )
)
SPECIAL = frozenset(("if", "coalesce", "nullif", "try", "row", "grouping"))


def _read(table: str, role: str) -> dict[str, Function]:
    functions = {}
    for line in table.strip().splitlines():
        # '||' inside an expression is an operator, a lone bar separates the columns.
        name, kinds, result, sql, *wrap = (
            cell.strip() for cell in line.split(" | ", 3 if role != "aggregate" else 4)
        )
        final = wrap[0].strip("| ") if wrap else ""
        functions[name] = Function(name, tuple(kinds.split()), result, sql.rstrip("| "), role, final)
    return functions


FUNCTIONS: dict[str, Function] = {
    **_read(_SCALARS, "scalar"),
    **_read(_AGGREGATES, "aggregate"),
    **_read(_WINDOWS, "window"),
}


def function(name: str) -> Function:
    """Finds a function by the name that was written.

    Raises:
        QueryError: Athena, or this server, does not have it.
    """
    found = FUNCTIONS.get(name.lower())
    if found is None:
        raise QueryError("FUNCTION_NOT_FOUND", f"line 1:1: Function '{name.lower()}' not registered")
    return found
