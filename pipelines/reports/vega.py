"""A Vega-Lite chart as an SVG document: rendered in process, without a browser, in the language of a page."""

from __future__ import annotations

import io
import re
from decimal import Decimal
from typing import Any, cast

import altair as alt
import pandas as pd
from markupsafe import escape

from pipelines.reports.words import Language

WIDTH = 400  # pixels; with its axes it is a little wider than a phone
MOST_TOLD = 24  # rows: who listens to more?

# How d3 writes months and numbers; it has these by name. https://github.com/d3/d3-time-format/tree/main/locale
_LOCALES = {
    Language.EN: {"formatLocale": "en-US", "timeFormatLocale": "en-US"},
    Language.ES: {"formatLocale": "es-MX", "timeFormatLocale": "es-MX"},
}


def plain(frame: pd.DataFrame) -> alt.Data:
    """The rows as JSON values; Altair's own conversion does not take dates of the `date` type."""
    made = frame.copy()
    for name in made.columns:
        if len(made) and isinstance(made[name].iloc[0], Decimal):
            made[name] = made[name].astype(float)
        if name in ("week_start", "load_day"):
            made[name] = pd.to_datetime(made[name]).dt.strftime("%Y-%m-%dT00:00:00")
    rows = cast("list[dict[str, Any]]", made.astype(object).where(made.notna(), None).to_dict("records"))
    return alt.Data(values=rows)


def numbers(rows: pd.DataFrame, *columns: str) -> str:
    """Some columns of the rows, for who cannot see them."""
    told = rows[list(columns)].head(MOST_TOLD)
    return "; ".join(" ".join(map(str, row)) for row in told.itertuples(index=False))


def svg(chart: alt.Chart, title: str, told: str, language: Language, height: int) -> str:
    """An SVG document; it is one image to who cannot see it.

    Args:
        chart: Without its size.
        title: Its name, in the language.
        told: What is said of it to who cannot see it.
        language: Of dates and numbers.
        height: Of the plot without its axes, in pixels.
    """
    styled = (
        chart.properties(width=WIDTH, height=height)
        .configure(
            font="system-ui, sans-serif",
            background="transparent",
            padding={"left": 16, "right": 16, "top": 5, "bottom": 5},
        )
        .configure_axis(
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            grid=True,
            gridColor="#eee",
            labelLimit=220,
            labelOverlap=True,
        )
        .configure_legend(
            orient="top",
            titleFontWeight="normal",
            titleFontSize=12,
            labelFontSize=12,
            titleLimit=0,
            columnPadding=28,
            columns=3,
        )
        .configure_view(stroke=None)
    )
    drawing = io.StringIO()
    styled.save(drawing, format="svg", embed_options=_LOCALES[language])
    # Vega tells its marks in English, and dates as milliseconds: who cannot see them is told what we say.
    drawn = re.sub(r' (?:role|aria-\w+)="[^"]*"', "", drawing.getvalue())
    said = f"<title>{escape(title)}</title><desc>{escape(told)}</desc>"
    return re.sub(r"^<svg ([^>]*)>", lambda root: f'<svg role="img" {root[1]}>{said}', drawn)
