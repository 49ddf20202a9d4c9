from __future__ import annotations

from pathlib import Path

import pytest

from infra.local.templates import TemplateError, read_template


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "some.yaml"
    path.write_text(text)
    return path


def test_short_tags_read_as_their_long_forms(tmp_path: Path) -> None:
    template = read_template(
        written(
            tmp_path,
            """
Resources:
  Queue:
    Type: AWS::SQS::Queue
    DependsOn: Other
    Properties: {A: !Ref X, B: !GetAtt X.Arn.Part, C: !Sub "s3://${X}", D: !Join [",", [a, !Ref X]]}
""",
        )
    )
    queue = template.resources["Queue"]
    assert queue.properties == {
        "A": {"Ref": "X"},
        "B": {"Fn::GetAtt": ["X", "Arn.Part"]},
        "C": {"Fn::Sub": "s3://${X}"},
        "D": {"Fn::Join": [",", ["a", {"Ref": "X"}]]},
    }
    assert queue.depends_on == ("Other",)
    assert queue.place == "some.yaml: Queue"


def test_a_policy_version_is_a_word_and_no_date(tmp_path: Path) -> None:
    text = "Resources: {R: {Type: T, Properties: {Version: 2012-10-17}}}"
    assert read_template(written(tmp_path, text)).resources["R"].properties == {"Version": "2012-10-17"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Outputs: {}", r"no Resources"),
        ("Resources: [", r"not YAML"),
        ("Resources: {}\nGlobals: {}", r"some\.yaml: sections \['Globals'\]"),
        ("Resources: {}\nTransform: AWS::Include", r"some\.yaml: Transform 'AWS::Include'"),
        ("Resources: {Q: {Type: T, Surprise: 1}}", r"some\.yaml: Q: \['Surprise'\]"),
    ],
)
def test_what_is_not_understood_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(TemplateError, match=said):
        read_template(written(tmp_path, text))
