"""An analyst's notebook, on AWS and beside `luca local up` alike.

Open it with `marimo edit notebooks/analyst.py`. In AWS, take your role first; on your own machine,
`eval "$(luca local env)"`. Real records: `LUCA_OULAD` names the folder of the OULAD tables; the last
finding is computed from a lake, of those records or of any school.
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
def _(pd):
    groups = ["late", "on the day", "1 to 3 days early", "4 to 7 days early", "more than a week early"]

    def earliness(days):
        """The group of each number of days before the date."""
        return pd.cut(days, [-1000, -1, 0, 3, 7, 1000], labels=groups).rename("days_early")

    return groups, earliness


@app.cell
def _(groups, alt, earliness, firsts, mo, pd):
    _own = firsts[firsts["handed_in"] & (pd.to_numeric(firsts["is_banked"]) == 0)]
    _early = earliness(_own["days_early"])
    by_time = _own.groupby(_early, observed=True)["passed"].agg(students="count", passed="mean").reset_index()
    mo.vstack(
        [
            mo.md("""
            **Early submission goes with passing.** Hlosta, Zdrahal and Zendulka (Ouroboros, LAK '17, 2017)
            find students at risk from what others have already submitted ahead of the date. Here: the share
            who passed, by when the first assignment came.
            """),
            alt.Chart(by_time).mark_bar().encode(x=alt.X("days_early:N", sort=groups), y="passed:Q"),
            by_time,
        ]
    )
    return (by_time,)


@app.cell
def _(mo, os):
    ask_the_lake = mo.ui.switch(value="LUCA_LAKE_DATABASE" in os.environ, label="Ask the lake")
    mo.vstack(
        [
            mo.md("""
            **The same from the lake.** Its marks and grades alone, by awswrangler: the first homework of each
            period is the one that half of the class had handed in before any other. Early and late are told
            from that day, since the lake knows no due dates, and a grade knows only what was marked. It reads
            the marks of all schools, so it takes an engineer's role.
            """),
            ask_the_lake,
        ]
    )
    return (ask_the_lake,)


@app.cell
def _(Readers, ask_the_lake, mo, os, wr):
    mo.stop(not ask_the_lake.value, mo.md("*Not asked.*"))
    in_lake = wr.athena.read_sql_query(
        """
        WITH handed_in AS (
            SELECT school_id, period, subject, student_key, evaluation_key, min(local_date) AS day
            FROM luca_lake.academic_changes
            WHERE change_type = 'evaluation' AND evaluation_type = 'homework'
            GROUP BY school_id, period, subject, student_key, evaluation_key
        ),

        half_way AS (
            SELECT school_id, period, subject, evaluation_key,
                approx_percentile(date_diff('day', DATE '1970-01-01', day), 0.5) AS half_way_day
            FROM handed_in
            GROUP BY school_id, period, subject, evaluation_key
        ),

        firsts AS (
            SELECT school_id, period, subject, min(half_way_day) AS half_way_day,
                min_by(evaluation_key, half_way_day) AS evaluation_key
            FROM half_way
            GROUP BY school_id, period, subject
        )

        SELECT
            grades.school_id,
            grades.period,
            CAST(grades.grade AS DOUBLE) AS grade,
            firsts.half_way_day - date_diff('day', DATE '1970-01-01', handed_in.day) AS days_early
        FROM luca_marts.student_period_grades AS grades
        INNER JOIN firsts
            ON grades.school_id = firsts.school_id AND grades.period = firsts.period
            AND grades.subject = firsts.subject
        LEFT JOIN handed_in
            ON firsts.school_id = handed_in.school_id AND firsts.period = handed_in.period
            AND firsts.subject = handed_in.subject AND firsts.evaluation_key = handed_in.evaluation_key
            AND grades.student_key = handed_in.student_key
        WHERE grades.grade IS NOT NULL
        """,
        database=os.environ.get("LUCA_MARTS_DATABASE", "luca_marts"),
        workgroup=Readers.ENGINEERS.value,
        ctas_approach=False,
    )
    return (in_lake,)


@app.cell
def _(groups, alt, earliness, in_lake, mo):
    grades_by_time = (
        in_lake.groupby(
            earliness(in_lake["days_early"].astype("float64"))
            .cat.add_categories("not marked")
            .fillna("not marked"),
            observed=True,
        )["grade"]
        .agg(students="count", grade="mean")
        .reset_index()
    )
    mo.vstack(
        [
            alt.Chart(grades_by_time)
            .mark_bar()
            .encode(x=alt.X("days_early:N", sort=["not marked", *groups]), y="grade:Q"),
            grades_by_time,
        ]
    )
    return (grades_by_time,)


if __name__ == "__main__":
    app.run()
