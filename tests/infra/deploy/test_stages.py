from __future__ import annotations

from pathlib import Path

import pytest

from infra.deploy.plan import stacks
from infra.deploy.stages import STAGES, StageError, check_parameters, read_stage
from infra.local.children import REPOSITORY

FOUND = stacks(sorted((REPOSITORY / "infra").glob("*.yaml")))


@pytest.mark.parametrize("name", [path.stem for path in STAGES.glob("*.toml")])
def test_a_stage_says_where_it_is_and_names_parameters_that_there_are(name: str) -> None:
    stage = read_stage(name)
    assert stage.region
    check_parameters(stage, FOUND)


@pytest.mark.parametrize("name", [path.stem for path in STAGES.glob("*.toml")])
def test_a_stages_values_are_such_as_the_templates_allow(name: str) -> None:
    stage = read_stage(name)
    for stack in FOUND:
        for parameter, declared in stack.template.parameters.items():
            value = stage.parameters.get(parameter)
            if value is None:
                continue
            assert value in declared.get("AllowedValues", [value])
            assert declared["Type"] != "Number" or value.isdecimal(), parameter


def test_dev_is_smaller_than_prod_wherever_they_differ() -> None:
    dev, prod = read_stage("dev").parameters, read_stage("prod").parameters
    sizes = {name for name in dev.keys() & prod.keys() if dev[name].isdecimal()}
    assert {"WorkerConcurrency", "LoadConcurrency", "MostTasks", "MonthlyBudget"} <= sizes
    assert all(int(dev[name]) < int(prod[name]) for name in sizes)


def test_schools_get_5000_writes_a_second() -> None:
    prod = read_stage("prod").parameters
    assert int(prod["WarmWrites"]) >= 5000
    assert int(prod["WorkerConcurrency"]) * 50 / 0.5 >= 5000  # batches of 50 in half a second


def test_what_is_given_comes_before_what_the_file_says(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text('region = "r"\n[parameters]\nA = 1\nB = "x"\n')
    assert read_stage("s", {"A": "2"}, tmp_path).parameters == {"A": "2", "B": "x"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[parameters]", "region is missing"),
        ('region = "r"\nzone = "a"', r"\['zone'\] are not understood"),
    ],
)
def test_a_file_that_says_too_little_or_too_much_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(StageError, match=said):
        read_stage("s", folder=tmp_path)


def test_an_unknown_stage_says_which_there_are() -> None:
    with pytest.raises(StageError, match="use one of dev, prod"):
        read_stage("staging")


def test_a_misspelt_parameter_is_refused() -> None:
    with pytest.raises(StageError, match=r"no template declares \['WorkerConcurency'\]"):
        check_parameters(read_stage("dev", {"WorkerConcurency": "1"}), FOUND)
