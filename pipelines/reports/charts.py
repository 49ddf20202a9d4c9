"""Charts of weeks, hours and days as SVG text, readable on paper and in black and white print."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from pipelines.reports.vega import numbers, plain, svg
from pipelines.reports.words import Language, say_in

# Okabe and Ito's palette: told apart by colour-blind readers too. https://jfly.uni-koeln.de/color/
PALETTE = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C6D1F", "#555555"]
TREND_COLOURS = {"falling": "#D55E00", "steady": "#BBBBBB", "rising": "#009E73"}
WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
MOST_LINES = 8  # more lines than colours cannot be told apart: the largest schools are drawn

MOST_BARS = 12
HEIGHT = 240  # pixels


def events_by_week(weeks: pd.DataFrame, language: Language = Language.EN) -> str:
    """Lines of events per week, one a school.

    Args:
        weeks: `school_id`, `week_start` (date), `event_count`.
        language: Of its words, dates and numbers.

    Returns:
        An SVG document.
    """
    return _lines(weeks, "event_count", language, "Events in the week", axis=alt.Axis(format="~s"))


def attendance_by_week(weeks: pd.DataFrame, language: Language = Language.EN) -> str:
    """Lines of the mean attendance rate per week, one a school; weeks without attendance are gaps.

    Args:
        weeks: `school_id`, `week_start` (date), `attendance_rate` (0 to 1 or null).
        language: Of its words, dates and numbers.
    """
    return _lines(
        weeks.dropna(subset=["attendance_rate"]),
        "attendance_rate",
        language,
        "Attendance, mean over students",
        axis=alt.Axis(format="%"),
        scale=alt.Scale(zero=False),
    )


def trends_of_last_week(weeks: pd.DataFrame, language: Language = Language.EN) -> str:
    """Bars of how many students fall, hold and rise, in each school's last week.

    Args:
        weeks: `school_id`, `week_start`, `falling_student_count`, `steady_student_count`,
            `rising_student_count`.
        language: Of its words, dates and numbers.
    """
    say = say_in(language)
    last = weeks.sort_values("week_start").groupby("school_id").tail(1)
    columns = {f"{trend}_student_count": say(trend) for trend in TREND_COLOURS}
    trends = list(columns.values())
    long = last.rename(columns=columns).melt("school_id", trends, "trend", "students")
    long["order"] = long["trend"].map({trend: index for index, trend in enumerate(trends)})
    chart = (
        alt.Chart(plain(long))
        .mark_bar(stroke="white")
        .encode(
            x=alt.X(
                "students:Q", title=say("Students"), stack="zero", axis=alt.Axis(tickMinStep=1, tickCount=6)
            ),
            y=alt.Y("school_id:N", title=None),
            color=alt.Color(
                "trend:N",
                title=say("Points against the weeks before"),
                scale=alt.Scale(domain=trends, range=list(TREND_COLOURS.values())),
            ),
            order="order:Q",
        )
    )
    return svg(
        chart,
        say("Who rises, who falls"),
        numbers(long, "school_id", "trend", "students"),
        language,
        height=28 * max(2, last["school_id"].nunique()),
    )


def hours_of_the_week(hours: pd.DataFrame, language: Language = Language.EN) -> str:
    """A heat map of when events happen, by the schools' own clocks.

    Args:
        hours: `weekday` (1 is Monday), `hour` (0 to 23), `event_count`.
        language: Of its words, dates and numbers.
    """
    say = say_in(language)
    names = [say(name) for name in WEEKDAYS]
    named = hours.assign(day=hours["weekday"].map(lambda number: names[int(number) - 1]))
    chart = (
        alt.Chart(plain(named))
        .mark_rect(stroke="white")
        .encode(
            x=alt.X("hour:O", title=say("Hour at the school"), axis=alt.Axis(labelAngle=0)),
            y=alt.Y("day:O", title=None, sort=names),
            color=alt.Color("event_count:Q", title=say("Events"), scale=alt.Scale(scheme="blues")),
        )
    )
    busiest = named.nlargest(3, "event_count")
    return svg(
        chart,
        say("When it happens"),
        numbers(busiest, "day", "hour", "event_count"),
        language,
        height=24 * len(WEEKDAYS),
    )


def event_types(types: pd.DataFrame, language: Language = Language.EN) -> str:
    """Bars of events by type.

    Args:
        types: `event_type`, `event_count`.
        language: Of its words, dates and numbers.
    """
    say = say_in(language)
    named = types.assign(event_type=types["event_type"].map(say))
    chart = (
        alt.Chart(plain(named))
        .mark_bar(color=PALETTE[0])
        .encode(
            x=alt.X("event_count:Q", title=say("Events"), axis=alt.Axis(format="~s", tickCount=5)),
            y=alt.Y("event_type:N", title=None, sort="-x"),
        )
    )
    return svg(
        chart,
        say("What happens"),
        numbers(named, "event_type", "event_count"),
        language,
        height=26 * max(2, len(types)),
    )


def rows_by_day(days: pd.DataFrame, language: Language = Language.EN) -> str:
    """Lines of published rows per day, one a school; the largest schools where they are many.

    Args:
        days: `school_id`, `load_day` (date), `row_count`.
        language: Of its words, dates and numbers.
    """
    say = say_in(language)
    largest = days.groupby("school_id")["row_count"].sum().nlargest(MOST_LINES).index
    chart = (
        alt.Chart(plain(days[days["school_id"].isin(largest)]))
        .mark_line(point=True, strokeWidth=2)
        .encode(
            x=alt.X(
                "load_day:T",
                title=say("Day of the load (UTC)"),
                axis=alt.Axis(format="%d %b", labelOverlap="greedy"),
            ),
            y=alt.Y("row_count:Q", title=say("Rows published"), axis=alt.Axis(format="~s")),
            color=alt.Color("school_id:N", title=say("School"), scale=alt.Scale(range=PALETTE)),
        )
    )
    newest = days.sort_values("load_day").groupby("school_id").tail(1)
    return svg(
        chart,
        say("Rows published"),
        numbers(newest, "school_id", "load_day", "row_count"),
        language,
        height=HEIGHT,
    )


def hours_since_rows(ages: pd.DataFrame, language: Language = Language.EN) -> str:
    """Bars of the hours since a school's last rows; the schools that wait longest where they are many.

    Args:
        ages: `school_id`, `table`, `hours`.
        language: Of its words, dates and numbers.
    """
    say = say_in(language)
    oldest = ages.groupby("school_id")["hours"].max().nlargest(MOST_BARS).index
    chart = (
        alt.Chart(plain(ages[ages["school_id"].isin(oldest)]))
        .mark_bar()
        .encode(
            x=alt.X(
                "hours:Q", title=say("Hours since the last rows were published"), axis=alt.Axis(tickCount=5)
            ),
            y=alt.Y("school_id:N", title=None, sort="-x"),
            yOffset="table:N",
            color=alt.Color("table:N", title=None, scale=alt.Scale(range=PALETTE)),
        )
    )
    title = say("Hours since the last rows were published")
    return svg(
        chart,
        title,
        numbers(ages.round({"hours": 0}), "school_id", "table", "hours"),
        language,
        height=32 * max(2, len(oldest)),
    )


def answer(rows: pd.DataFrame, mark: str, x: str, y: str, colour: str | None = None) -> str:
    """Any answer of Athena, drawn plainly.

    Args:
        rows: At least one.
        mark: `line`, `bar` or `point`.
        x: Column along.
        y: Column of numbers upwards.
        colour: Column that parts what is drawn; the groups with the largest sums where they are many.
    """
    if colour and rows[colour].nunique() > MOST_LINES:
        largest = rows.groupby(colour)[y].sum().nlargest(MOST_LINES).index
        rows = rows[rows[colour].isin(largest)]
    named = {name: name.replace("_", " ") for name in (x, y, *([colour] if colour else []))}
    along: dict[str, Any] = {"axis": alt.Axis(labelAngle=-40)}
    kind = "N" if mark == "bar" else "Q"
    if x == "week_start":
        kind, along = "T", {"axis": alt.Axis(format="%d %b %y", labelOverlap=True)}
    encoded: dict[str, Any] = {
        "x": alt.X(f"{x}:{kind}", title=named[x], scale=_from_data(kind), **along),
        "y": alt.Y(f"{y}:Q", title=named[y], scale=alt.Undefined if mark == "bar" else _from_data("Q")),
    }
    if colour:
        encoded["color"] = alt.Color(f"{colour}:N", title=named[colour], scale=alt.Scale(range=PALETTE))
    chart = alt.Chart(plain(rows))
    if mark == "line":
        chart = chart.mark_line(point=rows[x].nunique() <= MOST_BARS, strokeWidth=2)
    elif mark == "point":
        chart = chart.mark_point(filled=True, opacity=0.7)
    else:
        chart = chart.mark_bar()
    return svg(chart.encode(**encoded), f"{named[y]}, {named[x]}", "", Language.EN, height=HEIGHT)


def _from_data(kind: str) -> Any:
    """Rates lie close together: an axis of numbers need not begin at zero, except for bars."""
    return alt.Scale(zero=False) if kind == "Q" else alt.Undefined


def _lines(
    weeks: pd.DataFrame,
    column: str,
    language: Language,
    title: str,
    axis: alt.Axis,
    scale: alt.Scale | None = None,
) -> str:
    say = say_in(language)
    largest = weeks.groupby("school_id")["event_count"].sum().nlargest(MOST_LINES).index
    drawn = weeks[weeks["school_id"].isin(largest)]
    x = alt.X("week_start:T", title=say("Week of"), axis=alt.Axis(format="%d %b %y", labelOverlap=True))
    if drawn["week_start"].nunique() <= 12:
        x = alt.X(
            "week_start:O",
            title=say("Week of"),
            timeUnit="yearmonthdate",
            axis=alt.Axis(format="%d %b", labelAngle=0),
        )
    chart = (
        alt.Chart(plain(drawn))
        .mark_line(point=drawn["week_start"].nunique() <= 12, strokeWidth=2)
        .encode(
            x=x,
            y=alt.Y(f"{column}:Q", title=say(title), axis=axis, scale=scale or alt.Undefined),
            color=alt.Color("school_id:N", title=say("School"), scale=alt.Scale(range=PALETTE)),
        )
    )
    newest = drawn.sort_values("week_start").groupby("school_id").tail(1)
    return svg(chart, say(title), numbers(newest, "school_id", "week_start", column), language, height=HEIGHT)
