"""Who reads the marts, as dbt's lineage says it, held against the code and the roles that read them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.local.iam.policies import Decision, Request, decide, policy
from infra.local.templates import read_template
from pipelines.explain.marts import marts
from pipelines.questions import exposures
from pipelines.questions.catalogue import QUESTIONS
from tests.infra import deployed

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "dbt" / "models"
NAMES = {path.stem for path in MODELS.rglob("*.sql")}
# Code that could ask for a mart. The questions' own is compared below, statement by statement.
READING = ("pipelines", "api", "lambdas", "notebooks", "adapters")
THE_QUESTIONS = ROOT / "pipelines" / "questions"
_FROM = re.compile(r"\b(?:from|join)\s+(?:luca_marts\.)?(\w+)", re.IGNORECASE)


@cache
def declared() -> dict[str, dict[str, Any]]:
    """Every exposure, by name."""
    found = [
        each
        for name in ("exposures", "questions")
        for each in yaml.safe_load((MODELS / f"{name}.yml").read_text())["exposures"]
    ]
    assert len({each["name"] for each in found}) == len(found)
    return {each["name"]: each for each in found}


def meta(exposure: str) -> dict[str, Any]:
    found: dict[str, Any] = declared()[exposure]["config"]["meta"]
    return found


def depends_on(exposure: str) -> set[str]:
    """The models that an exposure says it reads."""
    refs = (re.fullmatch(r"ref\('(\w+)'\)", each) for each in declared()[exposure]["depends_on"])
    return {ref[1] for ref in refs if ref}


@cache
def reads(path: Path) -> frozenset[str]:
    """The models that a module names: in SQL, or as a whole string."""
    tree = ast.parse(path.read_text("utf-8"))
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    named = {name for text in texts for name in (text, *_FROM.findall(text))}
    return frozenset(named & NAMES)


def modules(place: str) -> Iterator[Path]:
    path = ROOT / place
    yield from path.rglob("*.py") if path.is_dir() else [path]


def read_by(exposure: str) -> set[str]:
    """The models that the code of an exposure names."""
    return {name for place in meta(exposure)["code"] for path in modules(place) for name in reads(path)}


def exposures_with(key: str) -> list[str]:
    return [name for name in declared() if key in meta(name)]


def test_code_that_reads_a_mart_stands_in_an_exposure():
    told = {
        path for name in exposures_with("code") for place in meta(name)["code"] for path in modules(place)
    }
    reading = {path for place in READING for path in modules(place) if reads(path)}

    assert len(reading) >= 8
    untold = {path for path in reading - told if not path.is_relative_to(THE_QUESTIONS)}
    assert untold == set(), "name them in `code` of an exposure of dbt/models/exposures.yml"


@pytest.mark.parametrize("exposure", exposures_with("code"))
def test_an_exposure_depends_on_what_its_code_reads_and_on_nothing_else(exposure):
    named = read_by(exposure)
    if exposure == "luca_explain":  # whose marts are those that say what to take apart
        taken_apart = [mart for mart in marts().values() if mart.lake]
        named |= {mart.name for mart in taken_apart} | {mart.cohort_by for mart in taken_apart} - {""}
    assert depends_on(exposure) == named


@pytest.mark.parametrize("exposure", exposures_with("role"))
def test_who_asks_with_sql_of_their_own_depends_on_what_the_role_may_read(exposure):
    rights = policy(deployed.policy_of(meta(exposure)["role"]))

    def may_read(name: str) -> bool:
        table = f"arn:aws:glue:{deployed.REGION}:{deployed.ACCOUNT}:table/luca_marts/{name}"
        return decide(Request("glue:GetTable", table, {}, lambda _: True), [rights]) is Decision.ALLOW

    assert depends_on(exposure) == {name for name in NAMES if may_read(name)}


@pytest.mark.parametrize("exposure", exposures_with("through"))
def test_what_is_shown_through_another_depends_on_the_same(exposure):
    assert depends_on(exposure) == depends_on(meta(exposure)["through"])


def test_the_questions_exposures_are_those_of_the_catalogue_and_of_the_saved_queries():
    assert (MODELS / "questions.yml").read_text() == exposures.exposures()

    saved = read_template(ROOT / "infra" / "questions.yaml").resources.values()
    asked = {
        each.properties["Name"]: set(_FROM.findall(each.properties["QueryString"])) & NAMES for each in saved
    }
    assert set(asked) == set(QUESTIONS)
    assert {name: depends_on(name) for name in asked} == asked
    everything = set().union(*asked.values())
    assert len(everything) >= 6
    assert depends_on("luca_ask") == depends_on("analyst_notebook") == everything
    assert declared()["what_became_of_rows"]["depends_on"] == ["source('lake', 'loads')"]


def test_an_exposure_says_whose_it_is_how_ripe_and_where_to_look():
    for name, each in declared().items():
        assert each["owner"]["name"], name
        assert each["maturity"] in ("low", "medium", "high"), name
        assert each["description"].strip(), name
        assert {"code", "role", "through", "work_group", "page"} & set(meta(name)), name
        for place in (*meta(name).get("code", ()), meta(name).get("page")):
            assert place is None or (ROOT / place).exists(), name


def test_every_mart_has_a_reader():
    read = {model for name in declared() if name != "engineers" for model in depends_on(name)}
    behind = {
        ref
        for path in MODELS.rglob("*.sql")
        for ref in re.findall(r"ref\('(\w+)'\)", path.read_text("utf-8"))
        if path.stem != ref
    }
    alone = {"yearly_school_comparison"}
    assert {name for name in NAMES if name not in read | behind} == alone, "engineers alone look at these"
