"""The query of the marts, on Athena's stand-in: every figure of a week in one row, warnings beside it."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adapters.aws import client
from pipelines.profiles import marts
from pipelines.profiles.marts import MartsMissingError
from tests.pipelines.conftest import BUCKETS
from transforms.weekly_trends import WeeklyTrend

pytestmark = pytest.mark.service

_KEYS = [("school_id", "string"), ("student_key", "string")]
_FIGURES = [
    ("points", "bigint"),
    ("event_count", "bigint"),
    ("trend", "string"),
    ("points_change", "bigint"),
    ("points_moving_avg_4w", "double"),
    ("attendance_rate", "double"),
    ("is_school_week", "boolean"),
    ("is_final", "boolean"),
]
_SLOPES = [
    ("points_slope_4w", "double"),
    ("points_slope_low_4w", "double"),
    ("points_slope_high_4w", "double"),
    ("attendance_rate_4w", "double"),
    ("absence_rate_8w", "double"),
    ("silent_school_weeks", "bigint"),
    ("as_of", "timestamp"),
]
MARTS = {
    "weekly_student_behavior": [*_KEYS, *_FIGURES],
    "weekly_student_trends": [*_KEYS, *_SLOPES],
    "early_warnings": [*_KEYS, ("rule", "string"), ("rules_version", "int")],
}
_ARROW = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "int": pa.int32(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("ms"),
}


ROW = {
    "points": 12,
    "event_count": 5,
    "trend": "rising",
    "points_change": -3,
    "points_moving_avg_4w": 9.25,
    "attendance_rate": 2 / 3,
    "is_school_week": True,
    "is_final": False,
    "points_slope_4w": -0.5,
    "points_slope_low_4w": -1.0,
    "points_slope_high_4w": None,
    "attendance_rate_4w": 0.9,
    "absence_rate_8w": 0.1,
    "silent_school_weeks": 0,
    "as_of": datetime(2026, 2, 9, 1, 2, 3),
    "rules_version": 1,
}


def fill(iso_week: str, rows: list[dict[str, Any]]) -> None:
    """Puts a week into every mart; each student is warned by the rules that its row names."""
    for name, columns in MARTS.items():
        found = rows
        if name == "early_warnings":
            found = [{**row, "rule": rule} for row in rows for rule in row["warnings"]]
        _fill(name, columns, iso_week, found)


def _make(name: str, columns: list[tuple[str, str]]) -> None:
    client("glue").create_table(
        DatabaseName="luca_marts",
        TableInput={
            "Name": name,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"classification": "parquet", "EXTERNAL": "TRUE"},
            "PartitionKeys": [
                {"Name": "graduation_year", "Type": "int"},
                {"Name": "iso_week", "Type": "string"},
            ],
            "StorageDescriptor": _where(f"marts/{name}/", columns),
        },
    )


def _fill(name: str, columns: list[tuple[str, str]], iso_week: str, rows: list[Any]) -> None:
    schema = pa.schema([(column, _ARROW[kind]) for column, kind in columns])
    chosen = [{column: row[column] for column, _ in columns} for row in rows]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(chosen, schema), sink)
    place = f"marts/{name}/graduation_year=2029/iso_week={iso_week}/"
    client("s3").put_object(Bucket=BUCKETS["LAKE"], Key=f"{place}0.parquet", Body=sink.getvalue())
    client("glue").create_partition(
        DatabaseName="luca_marts",
        TableName=name,
        PartitionInput={"Values": ["2029", iso_week], "StorageDescriptor": _where(place, columns)},
    )


def _where(place: str, columns: list[tuple[str, str]]) -> dict[str, Any]:
    serde = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
    formats = "org.apache.hadoop.hive.ql.io.parquet.MapredParquet{}Format"
    return {
        "Columns": [{"Name": column, "Type": kind} for column, kind in columns],
        "Location": f"s3://{BUCKETS['LAKE']}/{place}",
        "InputFormat": formats.format("Input"),
        "OutputFormat": formats.format("Output"),
        "SerdeInfo": {"SerializationLibrary": serde},
    }


@pytest.fixture
def built(lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The marts, with nothing in them but the version of the rules."""
    monkeypatch.setenv("LUCA_MARTS_DATABASE", "luca_marts")
    client("glue").create_database(DatabaseInput={"Name": "luca_marts"})
    with pytest.raises(MartsMissingError, match=r"no early_warning_rules, .*build the marts first"):
        marts.require()
    for name, columns in MARTS.items():
        _make(name, columns)
    _make("early_warning_rules", [("rules_version", "int")])
    _fill("early_warning_rules", [("rules_version", "int")], "2026-W01", [{"rules_version": 1}] * 2)
    marts.require()


def test_each_week_of_the_schools_and_weeks_that_are_asked_for_is_a_row(built: None) -> None:
    ana, ben = "a" * 32, "b" * 32
    whose = {"school_id": "school_1", "student_key": ana, "warnings": ("silent", "falling_points")}
    other = {**whose, "school_id": "school_2", "points": 99, "warnings": ()}
    fill(
        "2026-W06", [{**ROW, **whose}, {**ROW, **whose, "student_key": ben, "warnings": ()}, {**ROW, **other}]
    )
    fill("2026-W05", [{**ROW, **whose, "points": -1, "warnings": ("silent",)}])
    fill("2026-W04", [{**ROW, **whose}])
    found = sorted(marts.weeks(["school_1"], ["2026-W05", "2026-W06"]), key=lambda each: each.trend.iso_week)
    assert {each.school_id for each in found} == {"school_1"}
    assert [
        (each.student_key, each.trend.iso_week, each.trend.points, each.trend.warnings) for each in found
    ] in [
        [
            (ana, "2026-W05", -1, ["silent"]),
            *sorted(
                [(ana, "2026-W06", 12, ["falling_points", "silent"]), (ben, "2026-W06", 12, [])],
                reverse=order,
            ),
        ]
        for order in (False, True)
    ]
    assert next(each.trend for each in found if each.student_key == ben) == WeeklyTrend(
        iso_week="2026-W06",
        points=12,
        events=5,
        trend="rising",
        points_change=-3,
        points_mean_4w=9.25,
        points_slope_4w=-0.5,
        points_slope_low_4w=-1.0,
        attendance_rate=0.6667,
        attendance_rate_4w=0.9,
        absence_rate_8w=0.1,
        rules_version=1,
        as_of="2026-02-09T01:02:03.000Z",
    )
