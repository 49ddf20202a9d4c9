"""What the documentation says can be done, can be: links, tasks of make, commands of luca."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from infra.deploy import claims as claims_of_aws
from infra.local.templates import read_template
from pipelines.cli import app

ROOT = Path(__file__).parents[1]
README, LEEME = (ROOT / "README.md", ROOT / "README.es.md")
PAGES = [README, LEEME, *sorted((ROOT / "docs").rglob("*.md"))]
SHAPES = {
    "headings": r"(?m)^(#+) ",
    "blocks of code": r"(?ms)^```\n.*?^```",
    "commands": r"(?m)^    .+$",
    "names in code": r"`[^`\n]+`",
    "links": r"\]\((?!README)([^)]+)\)",
    "rows of tables": r"(?m)^(\|)",
}
CODE = re.compile(r"`([^`\n]+)`|(?m:^    (?:\$ )?(.+)$)|(?m:^\$ (.+)$)")
LUCA = re.compile(r"(?:^|[ /(])luca ((?:[a-z]).*)")
LUCA_COMMANDS = typer.main.get_command(app)

page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@pytest.mark.parametrize("what", SHAPES)
def test_the_readme_says_the_same_in_both_languages(what):
    there, here = (re.findall(SHAPES[what], each.read_text()) for each in (README, LEEME))

    assert there
    # A sentence may name two things in another order.
    assert sorted(here) == sorted(there)


@page
def test_every_link_leads_somewhere(page):
    links = re.findall(r"\]\(([^):#]+)[)#]", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


CLAIM = re.compile(r"(?m)^\| .+ \| \[[\w.:]+\]\((.+?)#L\d+\) \| `(.+?)` \| \[[\w.]+\]\((.+?)\) \|$")


def test_each_claim_of_aws_names_a_resource_of_its_template_and_a_test_that_tests():
    """A claim's row has the form that is read here, or it would be passed over."""
    said = (ROOT / "docs" / "aws.md").read_text()
    claims = CLAIM.findall(said)
    assert len(claims) == len(re.findall(r"(?m)^\|", said)) - 2
    templates = {
        each: read_template(ROOT / "docs" / each) for each in {template for template, _, _ in claims}
    }
    for template, resource, proof in claims:
        assert resource in templates[template].resources, f"{template}: {resource}"
        assert "\ndef test_" in (ROOT / "docs" / proof).read_text(), proof
    assert said == claims_of_aws.pointed(said), "run `python -m infra.deploy.claims`"


def test_a_claim_about_a_resource_that_is_not_there_is_refused():
    with pytest.raises(claims_of_aws.UnknownResourceError, match=r"store\.yaml has no resource Tabel"):
        claims_of_aws.pointed("| x | [store.yaml](../infra/store.yaml) | `Tabel` |")


@page
def test_every_task_of_make_exists(page):
    tasks = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
    named = [task for code in code_of(page) for task in re.findall(r"^make ([a-z-]+)", code)]
    assert set(named) <= tasks


@page
def test_every_command_of_luca_exists_with_its_options(page):
    faults = [fault for code in code_of(page) if (found := LUCA.search(code)) for fault in unknown(found[1])]
    assert faults == []


def code_of(page: Path) -> list[str]:
    """What stands in code on a page: spans, and lines of commands."""
    return [next(filter(None, found)) for found in CODE.findall(page.read_text())]


def unknown(line: str) -> list[str]:
    """What a command line of luca names that there is not."""
    command = LUCA_COMMANDS
    path = ["luca"]
    try:
        parts = shlex.split(re.split(r"[|;&)<>]", line)[0])
    except ValueError:  # a quotation that ends elsewhere
        parts = line.split()
    words = iter(parts)
    for word in words:
        if word.startswith("-"):
            named, _, given = word.partition("=")
            options = {
                option: each for each in command.params for option in (*each.opts, *each.secondary_opts)
            }
            if named not in {*options, "--help"}:
                return [f"{' '.join(path)} has no {named}"]
            if not given and named in options and not options[named].is_flag:
                next(words, None)  # its value
        elif commands := getattr(command, "commands", None):
            if word not in commands:
                return [f"{' '.join(path)} has no command {word!r}"]
            command = commands[word]
            path.append(word)
    return []


def test_a_command_that_is_not_there_is_noticed():
    assert unknown("load") == []
    assert unknown("erase --school S --student X") == []
    assert unknown("lode") == ["luca has no command 'lode'"]
    assert unknown("loads shew X") == ["luca loads has no command 'shew'"]
    assert unknown("trends --sinze 2026-01-01") == ["luca trends has no --sinze"]
