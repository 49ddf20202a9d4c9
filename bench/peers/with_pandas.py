"""A load by pandas, Great Expectations on the frame, and awswrangler: what most would write first.

It reads the landing files, judges every row by the same rules, stops the schools that break one, drops copies
and writes the partitions. A rule that compares columns is a column of its own here, as Great Expectations
wants it. In its favour it keeps no ledger, no catalog and no quarantine, writes no report, and does not look
for rows that the lake has.
"""

from __future__ import annotations

import json
import os
import time
import warnings

import awswrangler as wr
import pandas as pd

from bench.load import NOW, peak_mb
from expectations.behavior_events import BEHAVIOR_EVENTS
from expectations.columns import CODE, PSEUDONYM, RAW_IDENTIFIER
from expectations.rules import Between, OneOf, Present
from transforms import events, keys, schools
from transforms.lake_schema import PARTITION_KEYS

SHAPES = {
    "event_id": keys.UUID,
    "school_id": keys.IDENTIFIER,
    "student_key": f"^{PSEUDONYM}$",
    "teacher_key": f"^{PSEUDONYM}$",
    "subject": CODE,
    "class_id": CODE,
    "correlation_id": keys.UUID,
}


def main() -> None:
    started = time.perf_counter()
    landing, lake = (f"s3://{os.environ[f'LUCA_{name}_BUCKET']}" for name in ("LANDING", "LAKE"))
    rows = wr.s3.read_parquet(f"{landing}/behavior_events/")
    stopped = broken_schools(rows)
    good = rows[~rows["school_id"].isin(stopped)]
    good = good.drop_duplicates(["school_id", "event_id"])
    day = pd.to_datetime(good["local_date"])
    good = good.assign(load_id="peer", year=day.dt.strftime("%Y"), month=day.dt.strftime("%m"))
    good = good.sort_values([*PARTITION_KEYS, "local_date", "event_id"])
    wr.s3.to_parquet(
        good,
        f"{lake}/lake/behavior_events/",
        dataset=True,
        partition_cols=list(PARTITION_KEYS),
        compression="zstd",
    )
    seconds = time.perf_counter() - started
    if len(good) != len(rows):
        raise RuntimeError(f"{len(rows) - len(good):,} rows were not published")
    print(json.dumps({"seconds": round(seconds, 3), "peak_mb": peak_mb()}))


def broken_schools(rows: pd.DataFrame) -> set[str]:
    """The schools that break an expectation."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own deprecations
        import great_expectations as gx  # noqa: PLC0415
        import great_expectations.expectations as gxe  # noqa: PLC0415

        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        wanted = [
            gxe.ExpectColumnValuesToMatchRegex(column=name, regex=shape) for name, shape in SHAPES.items()
        ]
        wanted += [
            gxe.ExpectColumnValuesToNotMatchRegex(column=name, regex=RAW_IDENTIFIER)
            for name in ("subject", "class_id")
        ]
        wanted.append(gxe.ExpectColumnValuesToBeUnique(column="event_id"))
        compared = compare(rows)
        wanted += [gxe.ExpectColumnValuesToBeInSet(column=name, value_set=[True]) for name in compared]
        for rule in BEHAVIOR_EVENTS.row_rules:
            says = rule.states
            if isinstance(says, OneOf):
                wanted.append(gxe.ExpectColumnValuesToBeInSet(column=says.column, value_set=[*says.values]))
            elif isinstance(says, Between):
                wanted.append(
                    gxe.ExpectColumnValuesToBeBetween(
                        column=says.column, min_value=says.low, max_value=says.high
                    )
                )
            elif isinstance(says, Present):
                wanted.append(gxe.ExpectColumnValuesToNotBeNull(column=says.column))
        batch = (
            context.data_sources.add_pandas("landing")
            .add_dataframe_asset("behavior_events")
            .add_batch_definition_whole_dataframe("load")
            .get_batch({"dataframe": rows.assign(**compared)})
        )
        result = batch.validate(
            gx.ExpectationSuite("behavior_events", expectations=wanted), result_format="COMPLETE"
        )
    broken: set[str] = set()
    for found in result.results:
        places = found.result.get("unexpected_index_list") or []
        broken |= set(rows.loc[places, "school_id"])
    return broken


def compare(rows: pd.DataFrame) -> dict[str, pd.Series[bool]]:
    """The rules on several columns, or that a range does not say: whether each row keeps them."""
    offset = pd.to_timedelta(rows["utc_offset_minutes"], unit="min")
    late = rows[["occurred_at", "received_at"]].max(axis=1)
    cohort = rows["graduation_year"]
    return {
        "cohort_plausible": (cohort == 0) | cohort.between(1990, 2100),
        "status_of_attendance_only": (rows["event_type"] == "attendance") == rows["status"].notna(),
        "polarity_of_conduct_only": (rows["event_type"] == "conduct") == rows["polarity"].notna(),
        "occurred_at_plausible": rows["occurred_at"] >= pd.Timestamp(2000, 1, 1),
        "occurred_within_records_kept": rows["occurred_at"] >= rows["received_at"] - schools.RECORDS_KEPT,
        "received_after_occurred": rows["received_at"] >= rows["occurred_at"] - events.CLOCK_AHEAD,
        "not_in_the_future": late <= pd.Timestamp(NOW).tz_localize(None) + pd.Timedelta(minutes=10),
        "local_date_agrees": (rows["occurred_at"] + offset).dt.normalize()
        == pd.to_datetime(rows["local_date"]),
    }


if __name__ == "__main__":
    main()
