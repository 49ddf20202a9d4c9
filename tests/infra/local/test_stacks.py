from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.local.stacks import Stacks
from infra.local.templates import Made, TemplateError, read_template


def stacks_of(tmp_path: Path, *texts: str, parameters: dict[str, str] | None = None) -> Stacks:
    templates = []
    for number, text in enumerate(texts):
        path = tmp_path / f"t{number}.yaml"
        path.write_text(text)
        templates.append(read_template(path))
    return Stacks(templates, parameters or {}, account_id="000000000000", region="us-east-1")


def resolved(stacks: Stacks) -> dict[str, Any]:
    """Resolves all resources, each standing for `ref-of-{name}` and `arn-of-{name}`."""
    found = {}
    for resource in stacks.in_order():
        found[resource.logical_id] = stacks.properties(resource)
        name = resource.logical_id
        stacks.made(resource, Made(f"ref-of-{name}", {"Arn": f"arn-of-{name}"}))
    return found


def test_references_resolve_after_what_they_name_whatever_the_order(tmp_path: Path) -> None:
    stacks = stacks_of(
        tmp_path,
        """
Parameters: {Name: {Type: String, Default: luca}, Size: {Type: Number, Default: "3"}}
Resources:
  Reader:
    Type: T
    Properties:
      Ref: {Ref: Queue}
      Attribute: !GetAtt Queue.Arn
      Text: !Sub "${Name}/${Queue}/${Queue.Arn}/${AWS::Region}/${!kept}"
      Given: !Sub ["${A}-${Name}", {A: !Ref Queue}]
      Joined: !Join ["-", [a, !Ref Size]]
      Picked: !Select [1, !Split [",", "x,y"]]
      Size: !Ref Size
      Nothing: !Ref AWS::NoValue
  Queue: {Type: T, Properties: {Account: !Ref AWS::AccountId}}
""",
    )
    found = resolved(stacks)
    assert list(found) == ["Queue", "Reader"]
    assert found["Queue"] == {"Account": "000000000000"}
    assert found["Reader"] == {
        "Ref": "ref-of-Queue",
        "Attribute": "arn-of-Queue",
        "Text": "luca/ref-of-Queue/arn-of-Queue/us-east-1/${kept}",
        "Given": "ref-of-Queue-luca",
        "Joined": "a-3",
        "Picked": "y",
        "Size": 3,
    }


def test_an_import_waits_for_the_resource_behind_the_export(tmp_path: Path) -> None:
    reader = "Resources: {Reader: {Type: T, Properties: {Table: !ImportValue luca-Table}}}"
    owner = """
Resources: {Table: {Type: T}}
Outputs: {Table: {Value: !Ref Table, Export: {Name: luca-Table}}}
"""
    stacks = stacks_of(tmp_path, reader, owner)
    assert resolved(stacks) == {"Table": {}, "Reader": {"Table": "ref-of-Table"}}
    assert stacks.outputs() == {"Table": "ref-of-Table"}


CONDITIONAL = """
Parameters: {Stage: {Type: String, Default: dev}}
Conditions: {Live: !Equals [!Ref Stage, live], NotLive: !Not [!Condition Live]}
Resources:
  Always: {Type: T, Properties: {Size: !If [Live, 9, 1], Only: !If [Live, x, !Ref AWS::NoValue]}}
  Sometimes: {Type: T, Condition: Live}
Outputs:
  Sometimes: {Condition: Live, Value: !Ref Sometimes}
"""


def test_conditions_choose_values_and_resources(tmp_path: Path) -> None:
    dev = stacks_of(tmp_path, CONDITIONAL)
    assert resolved(dev) == {"Always": {"Size": 1}}
    assert dev.outputs() == {}
    live = stacks_of(tmp_path, CONDITIONAL, parameters={"Stage": "live"})
    assert resolved(live) == {"Always": {"Size": 9, "Only": "x"}, "Sometimes": {}}
    assert live.outputs() == {"Sometimes": "ref-of-Sometimes"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "{R: {Type: T, Properties: {Deep: {Name: !Ref Missing}}}}",
            r"t0\.yaml: R\.Deep\.Name: refers to 'Missing'",
        ),
        (
            "{R: {Type: T, Properties: {A: !GetAtt Q.Colour}}, Q: {Type: T}}",
            r"R\.A: Q has no attribute 'Colour'",
        ),
        ("{R: {Type: T, Properties: {A: !Base64 x}}}", r"R\.A: Fn::Base64 is not understood"),
        ("{R: {Type: T, Properties: {A: !ImportValue nobody-has}}}", r"R: imports 'nobody-has'"),
        ("{R: {Type: T, DependsOn: Missing}}", r"R: DependsOn 'Missing'"),
        ("{A: {Type: T, Properties: {B: !Ref B}}, B: {Type: T, Properties: {A: !Ref A}}}", r"ring: .*A.*B"),
        ("{R: {Type: T, Condition: Missing}}", r"R: Condition 'Missing'"),
    ],
)
def test_an_error_names_file_resource_and_property(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(TemplateError, match=said):
        resolved(stacks_of(tmp_path, f"Resources: {text}"))


@pytest.mark.parametrize(
    ("declared", "given", "said"),
    [
        ("{Type: String}", {}, r"parameter P has no default"),
        ("{Type: Widget, Default: x}", {}, r"parameter P has type 'Widget'"),
        (
            "{Type: String, Default: a, AllowedValues: [a]}",
            {"P": "b"},
            r"parameter P is 'b': allowed are \['a'\]",
        ),
        ("{Type: String, Default: a}", {"Q": "b"}, r"parameters \['Q'\]: no template declares them"),
    ],
)
def test_parameters_are_checked(tmp_path: Path, declared: str, given: dict[str, str], said: str) -> None:
    with pytest.raises(TemplateError, match=said):
        stacks_of(tmp_path, f"Parameters: {{P: {declared}}}\nResources: {{}}", parameters=given)
