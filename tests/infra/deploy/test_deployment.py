"""The whole of a deployment, from small templates of the kinds that there are, to a fake CloudFormation."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra.deploy import plan
from infra.deploy.artifacts import rendered
from infra.deploy.cloudformation import DeployError
from infra.deploy.deployment import Client, Deployment
from infra.deploy.packages import Package
from infra.deploy.plan import stacks
from infra.deploy.stages import Stage
from infra.local.children import REPOSITORY
from tests.infra.deploy.cloudformation_fake import FakeCloudFormation, Made

pytestmark = pytest.mark.service
REGION, ACCOUNT = "eu-west-1", "123456789012"
BUCKET = "bucket"
STORE = """
Parameters: {Warm: {Type: String, Default: cold}}
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    Properties:
      TableName: luca-t
      BillingMode: PAY_PER_REQUEST
      DeletionProtectionEnabled: true
      AttributeDefinitions: [{AttributeName: PK, AttributeType: S}]
      KeySchema: [{AttributeName: PK, KeyType: HASH}]
      Tags: [{Key: warm, Value: !Ref Warm}]
Outputs:
  Table: {Value: !Ref Table, Export: {Name: luca-T}}
"""
WORK = """
Parameters: {Issuer: {Type: String}}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: luca-q
      Tags: [{Key: table, Value: !ImportValue luca-T}, {Key: issuer, Value: !Ref Issuer}]
Outputs:
  QueueArn: {Value: !GetAtt Queue.Arn}
"""
EDGE = """
Parameters: {Origin: {Type: String}}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {QueueName: luca-edge, Tags: [{Key: origin, Value: !Ref Origin}]}
"""


class House:
    """Three stacks: one keeps data, one works on it, one stands in another region."""

    def __init__(self, folder: Path, aws: Client) -> None:
        self.folder, self._aws = folder, aws
        self.said: list[str] = []
        self.parameters = {"Issuer": "https://issuer"}
        self.regions: dict[str, FakeCloudFormation] = defaultdict(FakeCloudFormation)
        for name, text in {"store": STORE, "work": WORK, "edge": EDGE}.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        (self.folder / f"{name}.yaml").write_text(text)

    def deployment(self, stage: str = "dev", account: str | None = None) -> Deployment:
        return Deployment(
            Stage(stage, REGION, account, self.parameters),
            stacks(sorted(self.folder.glob("*.yaml"))),
            self.client,
            say=self.said.append,
            pause=lambda seconds: None,
        )

    @property
    def home(self) -> FakeCloudFormation:
        return self.regions[REGION]

    def client(self, service: str, region: str) -> Any:
        if service == "cloudformation":
            return self.regions[region]
        return self._aws(service, region)

    def up(self, **options: Any) -> dict[str, str]:
        self.said.clear()
        return self.deployment().up({}, lambda repository: f"{repository}:tag", **options)


@pytest.fixture(scope="module")
def aws() -> Iterator[Client]:
    """Clients of what a deployment needs besides; the bucket of artifacts takes whatever comes."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_ACCESS_KEY_ID", "x")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "x")
        made = cache(lambda service, region: boto3.client(service, region_name=region))
        made("s3", REGION).create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        yield made


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aws: Client) -> House:
    monkeypatch.setitem(plan.WIRED, "Origin", ("work", "QueueArn"))
    return House(tmp_path, aws)


def test_every_stack_is_made_in_order_and_given_what_it_needs(house: House) -> None:
    outputs = house.up()
    assert [words for words in house.said if words.startswith("luca-")] == [
        "luca-artifacts created",
        "luca-store created",
        "luca-work created",
        "luca-edge created",
    ]
    work = house.home.stacks["luca-work"]
    assert work.resources["Queue"]["Tags"][0] == {"Key": "table", "Value": "table"}
    assert house.regions["us-east-1"].stacks["luca-edge"].parameters["Origin"] == outputs["QueueArn"]
    assert outputs["Table"] == "table"
    assert work.tags == [{"Key": "luca:stage", "Value": "dev"}]
    assert all(each["RetainExceptOnCreate"] for each in house.home.executed)


def test_every_template_that_takes_the_topic_of_alarms_is_given_it(aws: Client) -> None:
    """Its default is empty, for a laptop; deployed so, its alarms would wake nobody."""
    topic, made = "arn:aws:sns:eu-west-1:123456789012:alarms", FakeCloudFormation()
    made.stacks["luca-operations"] = Made("CREATE_COMPLETE", outputs={"AlarmTopicArn": topic})
    found = stacks(sorted((REPOSITORY / "infra").glob("*.yaml")))
    deployment = Deployment(
        Stage("dev", REGION, None, {}),
        found,
        lambda service, region: made if service == "cloudformation" else aws(service, region),
        say=lambda words: None,
    )
    given = {each.path.stem: deployment.parameters(each, "image").get("AlarmTopic") for each in found}
    with_alarms = {
        each.path.stem
        for each in found
        if any(resource.type == "AWS::CloudWatch::Alarm" for resource in each.template.resources.values())
    }
    assert {"alarms", "grades"} <= with_alarms
    assert {stem for stem, value in given.items() if value == topic} == with_alarms
    assert {stem for stem, value in given.items() if value is None} == given.keys() - with_alarms
    assert all("luca-operations" in each.needs for each in found if each.path.stem in with_alarms)


def test_run_again_it_changes_nothing_and_says_so(house: House) -> None:
    house.up()
    executed = list(house.home.executed)
    house.up()
    assert [words.split()[-1] for words in house.said if words.startswith("luca-")] == ["unchanged"] * 4
    assert house.home.executed == executed


def test_a_value_that_was_given_once_is_remembered(house: House) -> None:
    house.up()
    house.parameters = {"Warm": "hot"}
    house.up()
    assert "luca-store updated" in house.said
    assert house.home.stacks["luca-work"].parameters["Issuer"] == "https://issuer"


def test_a_value_that_was_never_given_is_asked_for_and_then_it_goes_on(house: House) -> None:
    house.parameters = {}
    with pytest.raises(DeployError, match="luca-work: Issuer has no value yet: say --set Issuer="):
        house.up()
    house.parameters = {"Issuer": "x"}
    house.up()
    assert house.said[-3:] == ["luca-store unchanged", "luca-work created", "luca-edge created"]


def test_a_stack_that_fails_names_the_first_cause_and_the_way_out_and_the_next_run_goes_on(
    house: House,
) -> None:
    house.home.failing["Queue"] = "You have exceeded your quota of queues."
    with pytest.raises(DeployError) as failed:
        house.up()
    assert "luca-work is ROLLBACK_COMPLETE: Queue (AWS::SQS::Queue): You have exceeded" in str(failed.value)
    assert "deploy again" in str(failed.value)
    with pytest.raises(DeployError, match=r"it was never made whole .*aws cloudformation delete-stack"):
        house.up()
    house.home.delete_stack(StackName="luca-work")
    house.home.failing.clear()
    house.up()
    assert house.said[-3:] == ["luca-store unchanged", "luca-work created", "luca-edge created"]


def test_an_update_that_fails_leaves_what_was_there(house: House) -> None:
    house.up()
    house.home.failing["Table"] = "throttled"
    house.parameters["Warm"] = "hot"
    with pytest.raises(DeployError, match=r"luca-store is UPDATE_ROLLBACK_COMPLETE: Table .*: throttled"):
        house.up()
    assert house.home.stacks["luca-store"].parameters["Warm"] == "cold"
    house.home.failing.clear()
    house.up()
    assert house.home.stacks["luca-store"].parameters["Warm"] == "hot"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("UPDATE_IN_PROGRESS", "another deployment is under way"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback"),
    ],
)
def test_a_stack_that_is_not_ready_is_left_alone(house: House, status: str, said: str) -> None:
    house.up()
    house.home.stacks["luca-store"].status = status
    with pytest.raises(DeployError, match=said):
        house.up()


@pytest.mark.parametrize("how", ["replaced", "removed"])
def test_data_is_not_lost_by_a_change_unless_somebody_says_so(house: House, how: str) -> None:
    house.up()
    if how == "replaced":
        house.home.replacing.add("Table")
        house.parameters["Warm"] = "hot"
    else:
        house.write("store", STORE.replace("  Table:\n", "  Other:\n").replace("!Ref Table", "x"))
    with pytest.raises(DeployError, match=r"luca-store: Table \(AWS::DynamoDB::Table\) would be removed or"):
        house.up()
    before = house.home.stacks["luca-store"].resources
    assert before["Table"]["Tags"] == [{"Key": "warm", "Value": "cold"}]
    house.up(replace_data=True)
    assert house.home.stacks["luca-store"].resources != before


def test_the_difference_is_shown_and_nothing_is_made(house: House) -> None:
    first = {each.name: changes for each, changes in house.deployment().changes({}, lambda repository: "i")}
    assert first["luca-work"] is None  # stands on a stack that is not there yet
    store = first["luca-store"]
    assert store is not None
    assert [(each.action, each.logical_id) for each in store.changes] == [("Add", "Table")]
    assert house.home.stacks.keys() == {"luca-artifacts"}
    house.up()
    house.parameters["Warm"] = "hot"
    second = {each.name: changes for each, changes in house.deployment().changes({}, lambda repository: "i")}
    assert {name: len(each.changes) for name, each in second.items() if each} == {
        "luca-store": 1,
        "luca-work": 0,
        "luca-edge": 0,
    }
    assert house.home.stacks["luca-store"].parameters["Warm"] == "cold"


def test_another_stage_may_not_come_into_the_account(house: House) -> None:
    house.up()
    with pytest.raises(DeployError, match=f"account {ACCOUNT} holds stage dev"):
        house.deployment(stage="prod")


def test_credentials_of_another_account_are_refused(house: House) -> None:
    with pytest.raises(DeployError, match=f"account {ACCOUNT}, and stage dev belongs to 999"):
        house.deployment(account="999")


def test_what_keeps_data_stays_and_all_on_which_it_stands(house: House) -> None:
    house.write("base", "Resources: {B: {Type: A::B::C}}\nOutputs: {B: {Value: b, Export: {Name: luca-B}}}")
    house.write("store", STORE.replace("Value: !Ref Warm", "Value: !ImportValue luca-B"))
    house.up()
    house.said.clear()
    house.deployment().down(delete_data=False)
    assert house.said == [
        "luca-edge deleted",
        "luca-work deleted",
        "luca-store stays: keeps Table",
        "luca-base stays: luca-store stands on it",
    ]
    assert house.home.stacks.keys() == {"luca-artifacts", "luca-base", "luca-store"}


def test_with_its_data_everything_goes_and_a_second_time_nothing_is_there(house: House) -> None:
    house.up()
    dynamodb = house.client("dynamodb", REGION)
    dynamodb.create_table(
        TableName="luca-t",
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=True,
        AttributeDefinitions=[{"AttributeName": "PK", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}],
    )
    house.deployment().down(delete_data=True)
    assert dynamodb.list_tables()["TableNames"] == []
    assert house.home.stacks.keys() == {"luca-artifacts"}
    house.said.clear()
    house.deployment().down(delete_data=True)
    assert house.said == ["luca-edge was not there", "luca-work was not there", "luca-store was not there"]


def test_packages_and_definitions_lie_where_the_templates_say(house: House, tmp_path: Path) -> None:
    (tmp_path / "f.zip").write_bytes(b"zip")
    (tmp_path / "m.asl.json").write_text("{}")
    house.write(
        "work",
        """
Resources:
  F: {Type: AWS::Serverless::Function, Properties: {CodeUri: ../out/functions/f/}}
  M: {Type: AWS::Serverless::StateMachine, Properties: {DefinitionUri: m.asl.json}}
Outputs: {QueueArn: {Value: x}}
""",
    )
    with pytest.raises(DeployError, match=r"work\.yaml: F\.CodeUri: .* is neither packed nor uploaded"):
        house.up()
    package = Package("f", tmp_path / "f.zip", "0" * 64, 3, 3)
    house.deployment().up({"f": package}, lambda repository: "i")
    s3 = house.client("s3", REGION)
    made = house.home.stacks["luca-work"].resources
    for place, content in ((made["F"]["CodeUri"], b"zip"), (made["M"]["DefinitionUri"], b"{}")):
        bucket, _, key = place.removeprefix("s3://").partition("/")
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == content


def test_a_template_is_sent_as_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(
        "Resources: {Q: {Type: A::B::C, Properties: {P: !Sub '${AWS::Region}'}}}"
    )
    sent = json.loads(rendered(tmp_path / "t.yaml", {}))
    assert sent["Resources"]["Q"]["Properties"] == {"P": {"Fn::Sub": "${AWS::Region}"}}
