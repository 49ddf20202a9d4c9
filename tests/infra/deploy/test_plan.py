from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from infra.deploy import plan
from infra.deploy.plan import PlanError, Stack, stacks
from infra.local.children import REPOSITORY


def templates(folder: Path, **texts: str) -> list[Path]:
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)
    return sorted(folder.glob("*.yaml"))


@cache
def ours() -> list[Stack]:
    return stacks(sorted((REPOSITORY / "infra").glob("*.yaml")))


QUEUE = """
Resources:
  Q: {Type: AWS::SQS::Queue}
Outputs:
  Arn: {Value: !GetAtt Q.Arn, Export: {Name: luca-Q}}
"""
READER = "Resources: {R: {Type: AWS::SQS::Queue, Properties: {Of: [!ImportValue luca-Q]}}}"


def test_a_stack_comes_after_those_whose_exports_it_imports_however_deep_in_a_value(tmp_path: Path) -> None:
    of_policy = 'Resources: {R: {Type: A::B::C, Properties: {P: !Sub ["${X}/*", {X: !ImportValue luca-Q}]}}}'
    found = stacks(templates(tmp_path, z=QUEUE, a=READER, b=of_policy))
    assert found[0].name == "luca-z"
    assert {each.name: each.needs for each in found} == {
        "luca-z": (),
        "luca-a": ("luca-z",),
        "luca-b": ("luca-z",),
    }


def test_a_stack_comes_after_those_whose_outputs_are_its_parameters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(plan.WIRED, "Place", ("z", "Arn"))
    reader = "Parameters: {Place: {Type: String}}\nResources: {}"
    assert [each.name for each in stacks(templates(tmp_path, a=reader, z=QUEUE))] == ["luca-z", "luca-a"]


SAVED_QUERY = """
Resources:
  Q: {Type: AWS::Athena::NamedQuery, Properties: {Name: q, WorkGroup: luca-g, QueryString: SELECT 1}}
"""


def test_a_saved_query_comes_after_the_work_group_that_it_names(tmp_path: Path) -> None:
    group = "Resources: {G: {Type: AWS::Athena::WorkGroup, Properties: {Name: luca-g}}}"
    found = stacks(templates(tmp_path, a=SAVED_QUERY, z=group))
    assert [each.name for each in found] == ["luca-z", "luca-a"]


def test_a_saved_query_of_no_work_group_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"a\.yaml saves a query in work group 'luca-g', which no template"):
        stacks(templates(tmp_path, a=SAVED_QUERY))


def test_an_output_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(plan.WIRED, "Place", ("z", "Url"))
    reader = "Parameters: {Place: {Type: String}}\nResources: {}"
    with pytest.raises(PlanError, match=r"a\.yaml: Place is output Url of z\.yaml, which is not there"):
        stacks(templates(tmp_path, a=reader, z=QUEUE))


def test_an_import_of_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"a\.yaml imports 'luca-Q', which no template exports"):
        stacks(templates(tmp_path, a=READER))


def test_two_exports_of_one_name_are_named(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"'luca-Q' is exported by a\.yaml and by b\.yaml"):
        stacks(templates(tmp_path, a=QUEUE, b=QUEUE))


def test_a_ring_is_named(tmp_path: Path) -> None:
    one = QUEUE.replace("{Type: AWS::SQS::Queue}", "{Type: A::B::C, Properties: {P: !ImportValue luca-P}}")
    other = READER + "\nOutputs: {P: {Value: x, Export: {Name: luca-P}}}"
    with pytest.raises(PlanError, match=r"ring: .*a"):
        stacks(templates(tmp_path, a=one, b=other))


def test_what_is_kept_is_what_outlives_its_stack(tmp_path: Path) -> None:
    text = "Resources: {T: {Type: A::B::C, DeletionPolicy: Retain}, U: {Type: A::B::C}}"
    (found,) = stacks(templates(tmp_path, a=text))
    assert found.keeps == ("T",)


def test_the_templates_have_an_order_in_which_what_is_stored_comes_first_and_the_edge_elsewhere() -> None:
    found = ours()
    names = [each.name for each in found]
    assert sorted(names) == sorted(f"luca-{path.stem}" for path in (REPOSITORY / "infra").glob("*.yaml"))
    for position, stack in enumerate(found):
        assert set(stack.needs) <= set(names[:position])
    assert {each.name: each.elsewhere for each in found if each.elsewhere} == {"luca-edge": "us-east-1"}
    assert {each.name for each in found if each.keeps} >= {"luca-store", "luca-lake", "luca-government"}


def test_nothing_crosses_regions_but_by_a_parameter() -> None:
    found = {each.path.stem: each for each in ours()}
    for stem in plan.ELSEWHERE:
        assert "Fn::ImportValue" not in found[stem].path.read_text().replace(
            "!ImportValue", "Fn::ImportValue"
        )


def test_nothing_is_exported_that_changes_with_a_release() -> None:
    """CloudFormation refuses to change an export that another stack imports."""
    for stack in ours():
        changing = set(plan.IMAGES) | {
            name
            for name, each in stack.template.resources.items()
            if each.type in {"AWS::ECS::TaskDefinition", "AWS::Lambda::Version"}
        }
        for name, output in stack.template.outputs.items():
            if "Export" in output:
                assert output["Value"].get("Ref") not in changing, f"{stack.name}: {name}"


def test_an_output_has_one_meaning() -> None:
    """On one machine they are variables of one environment."""
    found: dict[str, object] = {}
    for stack in ours():
        for name, output in stack.template.outputs.items():
            assert found.setdefault(name, output["Value"]) == output["Value"], f"{stack.name}: {name}"
