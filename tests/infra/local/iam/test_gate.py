from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from infra.local.iam.gate import Gate

ACCOUNT = "000000000000"
TENANT, CONTAINER = f"arn:aws:iam::{ACCOUNT}:role/tenant", f"arn:aws:iam::{ACCOUNT}:role/container"
TABLE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/luca-platform"
ASSUMED = (
    "<AssumeRoleResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><AssumeRoleResult><Credentials>"
    "<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>token-{key}</SessionToken>"
    "<Expiration>2026-02-03T15:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
)
EXPIRY = 1_770_130_800.0  # 2026-02-03T15:00:00Z


class Store:
    """A store that answers everything and counts what reached it."""

    def __init__(self) -> None:
        self.reached: list[str] = []
        self.sessions = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        target = dict(scope["headers"]).get(b"x-amz-target", b"").decode()
        self.reached.append(target or message["body"].decode())
        body = b"{}"
        if "CreateTable" in target:
            schema = [{"AttributeName": "PK", "KeyType": "HASH"}]
            body = json.dumps(
                {"TableDescription": {"TableName": "luca-platform", "KeySchema": schema}}
            ).encode()
        if message["body"].startswith(b"Action=AssumeRole&"):
            self.sessions += 1
            body = ASSUMED.format(key=f"ASIA{self.sessions}").encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


class World:
    """A gate with the roles of a container and of its tenants, one table, and a clock."""

    def __init__(self) -> None:
        self.now = EXPIRY - 3600
        self.store = Store()
        self.gate = Gate(self.store, account=ACCOUNT, clock=lambda: self.now)
        self.aws("dynamodb", "CreateTable", {})
        self.role(
            "container",
            "arn:aws:iam::000000000000:root",
            {"Action": ["sts:AssumeRole", "sts:TagSession"], "Resource": TENANT},
        )
        self.role(
            "tenant",
            CONTAINER,
            {
                "Action": ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"],
                "Resource": [TABLE, f"{TABLE}/index/*"],
                "Condition": {
                    "ForAllValues:StringLike": {
                        "dynamodb:LeadingKeys": ["TENANT#${aws:PrincipalTag/school_id}#*"]
                    },
                    "Null": {"dynamodb:LeadingKeys": "false", "aws:PrincipalTag/school_id": "false"},
                },
            },
        )

    def role(self, name: str, trusted: str, statement: dict[str, Any]) -> None:
        trust = {
            "Effect": "Allow",
            "Principal": {"AWS": trusted},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }
        self.form("iam", Action="CreateRole", RoleName=name, AssumeRolePolicyDocument=document(trust))
        self.form(
            "iam",
            Action="PutRolePolicy",
            RoleName=name,
            PolicyName="p",
            PolicyDocument=document({"Effect": "Allow", **statement}),
        )

    def send(
        self, service: str, headers: list[tuple[bytes, bytes]], body: bytes, key: str, token: str | None
    ) -> tuple[int, bytes]:
        authorization = f"AWS4-HMAC-SHA256 Credential={key}/20260203/us-east-1/{service}/aws4_request, …"
        headers = [(b"authorization", authorization.encode()), *headers]
        if token is not None:
            headers.append((b"x-amz-security-token", token.encode()))
        sent: list[Any] = []

        async def ask() -> None:
            async def receive() -> Any:
                return {"type": "http.request", "body": body, "more_body": False}

            async def send(message: Any) -> None:
                sent.append(message)

            await self.gate(
                {"type": "http", "method": "POST", "headers": headers, "query_string": b""}, receive, send
            )

        asyncio.run(ask())
        return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])

    def aws(
        self, service: str, operation: str, request: Any, key: str = "OPERATOR", token: str | None = None
    ) -> tuple[int, Any]:
        target = [(b"x-amz-target", f"{service}.{operation}".encode())]
        status, body = self.send(service, target, json.dumps(request).encode(), key, token or f"token-{key}")
        return status, json.loads(body)

    def form(self, service: str, key: str = "OPERATOR", **fields: str) -> tuple[int, str]:
        status, body = self.send(service, [], urlencode(fields).encode(), key, f"token-{key}")
        return status, body.decode()

    def assume(self, role: str, key: str = "OPERATOR", **fields: str) -> tuple[int, str]:
        return self.form("sts", key, Action="AssumeRole", RoleArn=role, RoleSessionName="session", **fields)

    def tenant(self, school: str, **fields: str) -> str:
        tags = {"Tags.member.1.Key": "school_id", "Tags.member.1.Value": school}
        status, _ = self.assume(TENANT, **tags, **fields)
        assert status == 200
        return f"ASIA{self.store.sessions}"

    def get(self, key: str, school: str, token: str | None = None) -> tuple[int, Any]:
        request = {"TableName": "luca-platform", "Key": {"PK": {"S": f"TENANT#{school}#X"}}}
        return self.aws("dynamodb", "GetItem", request, key, token)


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture
def world() -> World:
    return World()


def test_a_tenant_reads_its_own_items_and_no_others(world: World) -> None:
    key = world.tenant("school_1")
    assert world.get(key, "school_1")[0] == 200
    for other in ("school_12", "school_2", "*", ""):
        status, error = world.get(key, other)
        assert (status, error["__type"].split("#")[1]) == (400, "AccessDeniedException")


def test_what_is_refused_never_reaches_the_store(world: World) -> None:
    key = world.tenant("school_1")
    before = len(world.store.reached)
    world.get(key, "school_2")
    world.aws("dynamodb", "Scan", {"TableName": "luca-platform"}, key)
    world.aws("dynamodb", "ExecuteStatement", {"Statement": "SELECT * FROM x"}, key)
    world.aws(
        "dynamodb",
        "DeleteItem",
        {"TableName": "luca-platform", "Key": {"PK": {"S": "TENANT#school_1#X"}}},
        key,
    )
    world.aws("sqs", "SendMessage", {"QueueUrl": "http://x/1/q"}, key)
    world.aws("firehose", "PutRecord", {}, key)
    world.send("dynamodb", [(b"x-amz-target", b"x.GetItem")], b"no json", key, f"token-{key}")
    world.send("dynamodb", [(b"x-amz-target", b"x.GetItem")], b"[]", key, f"token-{key}")
    world.send("s3", [], b"", key, f"token-{key}")
    assert len(world.store.reached) == before


def test_a_batch_or_transaction_with_one_foreign_key_is_refused_whole(world: World) -> None:
    key = world.tenant("school_1")
    puts = [
        {"Put": {"TableName": "luca-platform", "Item": {"PK": {"S": f"TENANT#{school}#X"}}}}
        for school in ("school_1", "school_2")
    ]
    assert world.aws("dynamodb", "TransactWriteItems", {"TransactItems": puts[:1]}, key)[0] == 200
    assert world.aws("dynamodb", "TransactWriteItems", {"TransactItems": puts}, key)[0] == 400


def test_a_session_without_the_tag_reads_nothing(world: World) -> None:
    world.assume(TENANT)
    assert world.get("ASIA1", "school_1")[0] == 400
    assert world.get("ASIA1", "")[0] == 400


def test_expired_unknown_and_half_stolen_credentials_are_refused(world: World) -> None:
    key = world.tenant("school_1")
    assert world.get("ASIA999", "school_1")[1]["__type"].endswith("UnrecognizedClientException")
    assert world.get(key, "school_1", token="another")[1]["__type"].endswith("UnrecognizedClientException")
    world.now = EXPIRY
    assert world.get(key, "school_1")[1]["__type"].endswith("ExpiredTokenException")


@pytest.mark.parametrize("value", ["*", "school_?", "${x}", "a#b", "x" * 257])
def test_sts_refuses_tags_that_could_be_patterns(world: World, value: str) -> None:
    status, body = world.assume(TENANT, **{"Tags.member.1.Key": "school_id", "Tags.member.1.Value": value})
    assert status == 400
    assert "ValidationError" in body
    assert world.store.sessions == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"DurationSeconds": "60"},
        {"TransitiveTagKeys.member.1": "x"},
        {"Policy": "{"},
        {"Tags.member.1.Key": "a", "Tags.member.2.Key": "A"},
    ],
)
def test_sts_refuses_requests_out_of_bounds(world: World, fields: dict[str, str]) -> None:
    assert world.assume(TENANT, **fields)[0] == 400


def test_only_a_trusted_role_assumes_the_tenant_role(world: World) -> None:
    world.role("stranger", "arn:aws:iam::000000000000:root", {"Action": "sts:*", "Resource": "*"})
    world.assume(CONTAINER)
    world.assume(f"arn:aws:iam::{ACCOUNT}:role/stranger")
    tags = {"Tags.member.1.Key": "school_id", "Tags.member.1.Value": "school_1"}
    assert world.assume(TENANT, "ASIA1", **tags)[0] == 200
    status, body = world.assume(TENANT, "ASIA2", **tags)
    assert status == 403
    assert "trust policy" in body
    assert world.assume(CONTAINER, "ASIA3", **tags)[0] == 403
    assert world.assume(f"arn:aws:iam::{ACCOUNT}:role/none")[0] == 403


def test_a_session_policy_narrows_the_role(world: World) -> None:
    key = world.tenant(
        "school_1", Policy=document({"Effect": "Allow", "Action": "dynamodb:Query", "Resource": "*"})
    )
    assert world.get(key, "school_1")[0] == 400


def test_a_boundary_and_managed_policies_count(world: World) -> None:
    key = world.tenant("school_1")
    world.form(
        "iam",
        Action="CreatePolicy",
        PolicyName="b",
        PolicyDocument=document({"Effect": "Allow", "Action": "dynamodb:Query", "Resource": "*"}),
    )
    arn = f"arn:aws:iam::{ACCOUNT}:policy/b"
    world.form("iam", Action="PutRolePermissionsBoundary", RoleName="tenant", PermissionsBoundary=arn)
    assert world.get(key, "school_1")[0] == 400
    world.form("iam", Action="DeleteRolePermissionsBoundary", RoleName="tenant")
    assert world.get(key, "school_1")[0] == 200
    world.form(
        "iam", Action="AttachRolePolicy", RoleName="tenant", PolicyArn="arn:aws:iam::aws:policy/Unknown"
    )
    assert "not known here" in world.get(key, "school_1")[1]["message"]


def test_a_changed_policy_holds_at_once(world: World) -> None:
    key = world.tenant("school_1")
    world.form("iam", Action="DeleteRolePolicy", RoleName="tenant", PolicyName="p")
    assert world.get(key, "school_1")[0] == 400
    world.form("iam", Action="DeleteRole", RoleName="tenant")
    assert world.get(key, "school_1")[0] == 400


def test_a_policy_that_cannot_be_evaluated_is_not_taken(world: World) -> None:
    before = len(world.store.reached)
    statement = {
        "Effect": "Allow",
        "Action": "*",
        "Resource": "*",
        "Condition": {"DateLessThan": {"aws:CurrentTime": "x"}},
    }
    status, body = world.form(
        "iam", Action="PutRolePolicy", RoleName="tenant", PolicyName="q", PolicyDocument=document(statement)
    )
    assert status == 400
    assert "DateLessThan" in body
    assert len(world.store.reached) == before


def test_the_operator_and_unsigned_requests_pass(world: World) -> None:
    assert world.get("OPERATOR", "school_2")[0] == 200
    assert world.aws("dynamodb", "Scan", {"TableName": "luca-platform"})[0] == 200
    assert world.form("sts", Action="GetCallerIdentity")[0] == 200


def test_a_presigned_request_is_a_sessions_too(world: World) -> None:
    key = world.tenant("school_1")
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    query = urlencode({"X-Amz-Credential": f"{key}/20260203/us-east-1/s3/aws4_request"}).encode()
    asyncio.run(
        world.gate({"type": "http", "method": "GET", "headers": [], "query_string": query}, receive, send)
    )
    assert sent[0]["status"] == 403
