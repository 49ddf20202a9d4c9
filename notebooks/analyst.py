"""An analyst's notebook, on AWS and beside `luca local up` alike.

Open it with `marimo edit notebooks/analyst.py`. In AWS, take your role first; on your own machine,
`eval "$(luca local env)"`. Real records: `LUCA_OULAD` names the folder of the OULAD tables.
"""

import marimo

app = marimo.App(width="medium", app_title="Luca: an analyst's start")


@app.cell
def _():
    import os
    from pathlib import Path

    import altair as alt
    import awswrangler as wr
    import marimo as mo
    import pandas as pd

    from pipelines.questions.catalogue import QUESTIONS, Readers

    return Path, QUESTIONS, Readers, alt, mo, os, pd, wr


@app.cell
def _(mo):
    mo.md("""
    # Luca: an analyst's start

    The ten questions of `docs/analysts.md`, asked by awswrangler as any script of yours can. Then two
    findings that others published about the Open University's records, computed again.
    """)


@app.cell
def _(QUESTIONS, mo, os):
    school = os.environ.get("LUCA_SCHOOL", "school_1")
    asked = mo.ui.dropdown({each.title: name for name, each in QUESTIONS.items()}, label="Question")
    asked
    return asked, school


@app.cell
def _(Readers, os, school, wr):
    def answer(question):
        """The rows of a question's answer, as Athena gives them to who may ask."""
        place = {}
        if question.readers is Readers.SCHOOLS:
            place = {"s3_output": f"s3://{os.environ['LUCA_RESULTS_BUCKET']}/schools/school_id={school}/"}
        return wr.athena.read_sql_query(
            question.sql(school),
            database=os.environ.get("LUCA_MARTS_DATABASE", "luca_marts"),
            workgroup=question.readers.value,
            ctas_approach=False,  # analysts write no tables
            **place,
        )

    return (answer,)


@app.cell
def _(QUESTIONS, alt, answer, asked, mo, pd):
    def chart(question, rows):
        """The chart that the question names."""
        drawn, plain = question.chart, rows.copy()
        if drawn.x == "week_start":
            plain[drawn.x] = pd.to_datetime(plain[drawn.x])
        marked = getattr(alt.Chart(plain), f"mark_{drawn.mark}")()
        colour = {"color": f"{drawn.colour}:N"} if drawn.colour else {}
        kind = "T" if drawn.x == "week_start" else "N" if drawn.mark == "bar" else "Q"
        return marked.encode(x=f"{drawn.x}:{kind}", y=f"{drawn.y}:Q", **colour)

    if asked.value is None:
        shown = mo.md("*Choose a question.*")
    else:
        question = QUESTIONS[asked.value]
        rows = answer(question)
        shown = mo.vstack([chart(question, rows), mo.md(question.reading), mo.ui.table(rows)])
    shown


@app.cell
def _(mo):
    mo.md("""
    ## Two published findings, on real records

    The Open University Learning Analytics dataset (Kuzilek, Hlosta, Zdrahal, Scientific Data 4, 170171,
    2017, CC BY 4.0), which `luca demo --oulad` sends through the whole platform.
    """)


@app.cell
def _(Path, mo, os, pd):
    folder = Path(os.environ.get("LUCA_OULAD", "../shared/data/oulad"))
    mo.stop(not folder.is_dir(), mo.md(f"**No records at `{folder}`:** set `LUCA_OULAD` to their folder."))

    presentation = ["code_module", "code_presentation"]
    _read = {
        name: pd.read_parquet(folder / f"{name}.parquet")
        for name in ("student", "assessment", "student_assessment")
    }
    _dates = _read["assessment"].assign(due=pd.to_numeric(_read["assessment"]["date"], errors="coerce"))
    _first = _dates[_dates["assessment_type"] == "TMA"].sort_values("due").groupby(presentation).head(1)
    firsts = (
        _read["student"]
        .merge(_first[[*presentation, "id_assessment", "due"]], on=presentation)
        .merge(_read["student_assessment"], on=["id_assessment", "id_student"], how="left")
        .assign(
            passed=lambda rows: rows["final_result"].isin(["Pass", "Distinction"]),
            handed_in=lambda rows: rows["date_submitted"].notna(),
            days_early=lambda rows: rows["due"] - rows["date_submitted"],
        )
    )
    return (firsts,)


@app.cell
def _(firsts, mo):
    by_first = firsts.groupby("handed_in")["passed"].agg(students="count", passed="mean")
    mo.vstack(
        [
            mo.md("""
            **The first assignment tells most of the story.** Kuzilek, Hlosta, Herrmannova, Zdrahal,
            Vaclavek and Wolff ([OU Analyse](http://oro.open.ac.uk/42529/), Learning Analytics Review
            LAK15-1, 2015) build their early warnings around it. Here: who did not hand it in
            hardly ever passed.
            """),
            by_first,
        ]
    )
    return (by_first,)


@app.cell
def _(alt, firsts, mo, pd):
    _own = firsts[firsts["handed_in"] & (pd.to_numeric(firsts["is_banked"]) == 0)]
    _groups = ["late", "on the day", "1 to 3 days early", "4 to 7 days early", "more than a week early"]
    _early = pd.cut(_own["days_early"], [-1000, -1, 0, 3, 7, 1000], labels=_groups)
    by_time = _own.groupby(_early, observed=True)["passed"].agg(students="count", passed="mean").reset_index()
    mo.vstack(
        [
            mo.md("""
            **Early submission goes with passing.** Hlosta, Zdrahal and Zendulka (Ouroboros, LAK '17, 2017)
            find students at risk from what others have already submitted ahead of the date. Here: the share
            who passed, by when the first assignment came.
            """),
            alt.Chart(by_time).mark_bar().encode(x=alt.X("days_early:N", sort=_groups), y="passed:Q"),
            by_time,
        ]
    )
    return (by_time,)


if __name__ == "__main__":
    app.run()
