"""The saved queries of the work groups: `python -m pipelines.questions.template > infra/questions.yaml`."""

from __future__ import annotations

import textwrap

from pipelines.questions.catalogue import EXAMPLE_SCHOOL, QUESTIONS

_HEAD = """\
# Made from pipelines/questions: `python -m pipelines.questions.template > infra/questions.yaml`.
AWSTemplateFormatVersion: "2010-09-09"
Description: Luca - saved queries, the questions that analysts begin with

Resources:
"""


def template() -> str:
    """The template, in YAML."""
    return _HEAD + "\n".join(
        f"  {''.join(word.capitalize() for word in each.name.split('_'))}:\n"
        "    Type: AWS::Athena::NamedQuery\n"
        "    Properties:\n"
        f"      Name: {each.name}\n"
        f"      Description: {each.title}\n"
        f"      WorkGroup: {each.readers.value}\n"
        "      Database: luca_marts\n"
        "      QueryString: |\n"
        f"{textwrap.indent(each.sql(EXAMPLE_SCHOOL), ' ' * 8)}\n"
        for each in QUESTIONS.values()
    )


if __name__ == "__main__":
    print(template(), end="")  # noqa: T201 - the template is what the command makes
