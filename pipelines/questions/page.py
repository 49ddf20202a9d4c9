"""The page for analysts: `python -m pipelines.questions.page > docs/analysts.md`."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.questions.catalogue import EXAMPLE_SCHOOL, QUESTIONS, Question, Readers

_HEAD = f"""\
# For analysts

Made from `pipelines/questions`; `python -m pipelines.questions.page > docs/analysts.md` writes it again.

What every column means stands in the [data dictionary](data-dictionary.md); what you may see and why,
in [privacy](privacy.md).

## Where to ask

| you are | role | work group | you read |
|---|---|---|---|
| an analyst of the platform | `luca-analyst` | `{Readers.ANALYSTS}` | `public_*`: groups, no students |
| an analyst of a school | `luca-school-analyst` | `{Readers.SCHOOLS}` | the school's own lake and marts |
| an engineer of the platform | `luca-engineer` | `{Readers.ENGINEERS}` | lake and marts |

Students appear by pseudonym only. The school of a school's analyst stands in the tag of their session.

In AWS, take your role, choose the work group in Athena's console and open *Saved queries*: the questions
below are there. From Python:

    import awswrangler as wr
    wr.athena.read_sql_query(
        "SELECT …", database="luca_marts", workgroup="{Readers.ANALYSTS}", ctas_approach=False
    )

On your own machine, with `luca local up` running, events simulated, loaded and `luca trends` run:

    luca ask
    luca ask attendance_by_school
    luca ask warnings_of_a_school --school {EXAMPLE_SCHOOL} --chart out/warnings.svg
    luca query "SELECT * FROM luca_marts.public_weekly_school_behavior"

`notebooks/analyst.py` does the same in a [marimo](https://docs.marimo.io) notebook, here and in AWS:
`.venv/bin/marimo edit notebooks/analyst.py`.

## What a query costs

Athena bills the bytes it reads. A condition on a partition column (`iso_week`, `graduation_year`,
`school_id`; of the lake `year`, `month`, `school_id`, `graduation_year`) skips whole files if it compares
with a literal; name the columns that you need. A work group stops a query that reads too much.

## Ten questions

The pictures are of invented schools.
"""


def page() -> str:
    """The page, in Markdown."""
    sections = (line for at, each in enumerate(QUESTIONS.values(), 1) for line in _section(at, each))
    return "".join([_HEAD, *sections])


def _section(number: int, each: Question) -> Iterator[str]:
    yield f"\n### {number}. {each.title}\n\n"
    yield f"`luca ask {each.name}{f' --school {EXAMPLE_SCHOOL}' if each.of_a_school else ''}`, "
    yield f"in `{each.readers}`:\n\n```sql\n"
    yield f"{each.sql(EXAMPLE_SCHOOL)}\n```\n\n{each.reading}\n\n"
    yield f"![{each.title}](analysts/{each.name}.svg)\n"


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - the page is what the command makes
