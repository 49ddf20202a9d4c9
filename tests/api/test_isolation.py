"""The walls between schools: every route and role, from inside, from outside, and with our filter gone."""

from __future__ import annotations

import re
import time
from http import HTTPStatus
from typing import Any

import boto3
import jwt
import pytest
from botocore.exceptions import ClientError

from adapters import tenancy
from adapters.request_signing import Credentials
from api.identity import Role
from api.routes import OPERATIONS
from transforms import keys

pytestmark = pytest.mark.local

SECRETS = ("Ana", "Ruiz", "84.321", "99.125")


def ids(operation: Any) -> str:
    return f"{operation.method} {operation.path}"


def body_of(operation: Any) -> tuple[Any, dict[str, str]]:
    if operation.takes is None:
        return None, {}
    body = operation.examples[0].body
    if operation.takes is bytes:
        return body.replace("s-1", "ana").encode(), {"Content-Type": "text/csv"}
    return body, {}


def target_of(operation: Any) -> str:
    path = operation.path
    for name, value in {
        "student": "ana",
        "class": "3B",
        "subject": "matematicas",
        "period": "Q1_2026",
        "evaluation": "exam_001",
    }.items():
        path = path.replace("{" + name + "}", value)
    return path


@pytest.fixture
def victim(client: Any, classroom: Any) -> Any:
    """A school with a student, an evaluation and an event that nobody else may see."""
    secret = {
        "evaluation_id": "exam_001",
        "student_id": "ana",
        "subject": "matematicas",
        "type": "exam",
        "date": "2026-02-03",
        "score": 84.321,
    }
    assert client.call("POST", "/evaluations", secret, school=classroom.school_id).status == 201
    classroom.event("participation", classroom.now)
    return classroom


def everything_of(classroom: Any) -> list[Any]:
    """All items of a school, as the operator sees them."""
    found = classroom.platform.aws("dynamodb").scan(TableName="luca-platform", ConsistentRead=True)["Items"]
    return sorted(
        (item for item in found if item["PK"]["S"].startswith(f"TENANT#{classroom.school_id}#")), key=str
    )


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("operation", OPERATIONS, ids=ids)
def test_every_route_opens_to_its_roles_and_to_no_others(
    client: Any, victim: Any, operation: Any, role: Role
) -> None:
    body, headers = body_of(operation)
    answer = client.call(
        operation.method,
        target_of(operation),
        body,
        school=victim.school_id,
        role=role.value,
        headers=headers,
    )
    if role in operation.roles:
        assert answer.status not in {401, 403}
        assert answer.status < 500, answer.body
    else:
        assert answer.status == 403


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("operation", OPERATIONS, ids=ids)
def test_no_route_reaches_another_school_in_any_role(
    client: Any, victim: Any, new_school: Any, operation: Any, role: Role
) -> None:
    before = everything_of(victim)
    # Its name begins like the victim's: the smallest distance that two schools can have.
    stranger = f"{victim.school_id}2"
    body, headers = body_of(operation)
    answer = client.call(
        operation.method, target_of(operation), body, school=stranger, role=role.value, headers=headers
    )
    assert answer.status < 500
    assert answer.status in {200, 201, 403, 404, 422}
    assert not any(secret in answer.body.decode() for secret in SECRETS[1:])
    assert everything_of(victim) == before


@pytest.mark.parametrize("operation", OPERATIONS, ids=ids)
def test_without_a_token_no_route_opens(client: Any, operation: Any) -> None:
    body, headers = body_of(operation)
    answer = client.call(operation.method, target_of(operation), body, token="", headers=headers)
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.own_student], ids=ids)
def test_a_student_reads_only_their_own_profile(client: Any, victim: Any, operation: Any) -> None:
    own = client.call(
        operation.method, target_of(operation), school=victim.school_id, role="student", student_id="ana"
    )
    assert own.status == 200
    other = client.call(
        operation.method, target_of(operation), school=victim.school_id, role="student", student_id="leo"
    )
    assert other.status == 403
    assert not any(secret in other.body.decode() for secret in SECRETS)


def test_every_route_that_a_student_may_call_is_about_the_student(client: Any) -> None:
    for operation in OPERATIONS:
        if Role.STUDENT in operation.roles:
            assert operation.own_student, ids(operation)
            assert "student" in operation.parameters, ids(operation)


@pytest.mark.parametrize("operation", OPERATIONS, ids=ids)
def test_with_the_tenant_filter_gone_the_store_still_refuses(
    client: Any, victim: Any, new_school: Any, operation: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug that builds every key for the victim's school: the credentials are still another school's."""
    thief = new_school(f"thief_{victim.school_id}")
    role = next(iter(sorted(operation.roles)))
    before = everything_of(victim)
    real = {name: getattr(keys, name) for name in ("student_pk", "config_pk", "roster_pk")}
    monkeypatch.setattr(
        keys, "student_pk", lambda student: real["student_pk"](student._replace(school_id=victim.school_id))
    )
    monkeypatch.setattr(keys, "config_pk", lambda school: real["config_pk"](victim.school_id))
    monkeypatch.setattr(keys, "roster_pk", lambda school: real["roster_pk"](victim.school_id))
    body, headers = body_of(operation)
    answer = client.call(
        operation.method, target_of(operation), body, school=thief.school_id, role=role, headers=headers
    )
    assert answer.status == 500
    assert answer.json["type"] == "/docs#problem-fault"
    assert not any(secret in answer.body.decode() for secret in SECRETS)
    monkeypatch.undo()
    assert everything_of(victim) == before


@pytest.fixture
def as_school(platform: Any) -> Any:
    """A boto3 client with the credentials that the container gets for a school; None: without the tag."""

    def of(school: str | None) -> Any:
        if school is not None:
            taken = tenancy.assume_tenant_role(school)
            credentials = (taken.access_key, taken.secret_key, taken.token)
        else:
            answer = platform.aws("sts").assume_role(
                RoleArn=platform.environment["LUCA_TENANT_ROLE"], RoleSessionName="untagged"
            )
            found = answer["Credentials"]
            credentials = (found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
        return boto3.client(
            "dynamodb",
            aws_access_key_id=credentials[0],
            aws_secret_access_key=credentials[1],
            aws_session_token=credentials[2],
        )

    return of


def refused(call: Any) -> bool:
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"] == "AccessDeniedException"
    return False


TABLE = "luca-platform"


def attempts(dynamodb: Any, pk: str) -> dict[str, Any]:
    """Every way to reach an item of a partition."""
    key = {"PK": {"S": pk}, "SK": {"S": "PROFILE"}}
    item = {**key, "stolen": {"BOOL": True}}
    put = {"Put": {"TableName": TABLE, "Item": item}}
    own = {"Put": {"TableName": TABLE, "Item": {**item, "PK": {"S": "TENANT#school_1#X"}}}}
    values = {":pk": {"S": pk}}
    return {
        "get": lambda: dynamodb.get_item(TableName=TABLE, Key=key),
        "put": lambda: dynamodb.put_item(TableName=TABLE, Item=item),
        "query": lambda: dynamodb.query(
            TableName=TABLE, KeyConditionExpression="PK = :pk", ExpressionAttributeValues=values
        ),
        "index": lambda: dynamodb.query(
            TableName=TABLE,
            IndexName="pending",
            KeyConditionExpression="pending_pk = :pk",
            ExpressionAttributeValues=values,
        ),
        "update": lambda: dynamodb.update_item(
            TableName=TABLE, Key=key, UpdateExpression="SET a = :pk", ExpressionAttributeValues=values
        ),
        "delete": lambda: dynamodb.delete_item(TableName=TABLE, Key=key),
        "batch get": lambda: dynamodb.batch_get_item(RequestItems={TABLE: {"Keys": [key]}}),
        "batch write": lambda: dynamodb.batch_write_item(
            RequestItems={TABLE: [{"PutRequest": {"Item": item}}]}
        ),
        "transact get": lambda: dynamodb.transact_get_items(
            TransactItems=[{"Get": {"TableName": TABLE, "Key": key}}]
        ),
        "transact write": lambda: dynamodb.transact_write_items(TransactItems=[put]),
        "transact write beside an own item": lambda: dynamodb.transact_write_items(TransactItems=[own, put]),
        "scan": lambda: dynamodb.scan(TableName=TABLE),
        "scan of the index": lambda: dynamodb.scan(TableName=TABLE, IndexName="pending"),
        "PartiQL": lambda: dynamodb.execute_statement(
            Statement=f"SELECT * FROM \"{TABLE}\" WHERE PK = '{pk}'"
        ),
        "PartiQL batch": lambda: dynamodb.batch_execute_statement(
            Statements=[{"Statement": f'SELECT * FROM "{TABLE}"'}]
        ),
        "another table": lambda: dynamodb.get_item(TableName="luca-loads", Key=key),
        "describe": lambda: dynamodb.describe_table(TableName=TABLE),
        "delete table": lambda: dynamodb.delete_table(TableName=TABLE),
    }


def open_ways(dynamodb: Any, pk: str) -> set[str]:
    """The ways that are not refused."""
    return {way for way, attempt in attempts(dynamodb, pk).items() if not refused(attempt)}


@pytest.mark.parametrize("school", ["school_12", "school_2", "school_", "*", "school_?", ""])
def test_school_1_reaches_no_other_school_in_any_way(as_school: Any, school: str) -> None:
    assert open_ways(as_school("school_1"), f"TENANT#{school}#STUDENT#ana") == set()


def test_credentials_without_the_tag_reach_nothing(as_school: Any) -> None:
    dynamodb = as_school(None)
    for school in ("school_1", "", "*"):
        assert open_ways(dynamodb, f"TENANT#{school}#STUDENT#ana") == set()


def test_a_school_reaches_its_own_items_by_the_listed_actions_only(as_school: Any) -> None:
    assert open_ways(as_school("school_1"), "TENANT#school_1#STUDENT#ana") == {
        "get",
        "put",
        "query",
        "index",
        "transact get",
        "transact write",
        "transact write beside an own item",
    }


def test_the_containers_own_role_reads_nothing(platform: Any) -> None:
    assert open_ways(boto3.client("dynamodb"), "TENANT#school_1#STUDENT#ana") == set()


@pytest.mark.parametrize("school", ["*", "school_?", "a#b", "${x}", "", "x" * 65, "a\n"])
def test_no_credentials_are_asked_for_a_school_that_could_be_a_pattern(platform: Any, school: str) -> None:
    with pytest.raises(keys.InvalidIdentifierError):
        tenancy.assume_tenant_role(school)


@pytest.mark.parametrize("school", ["*", "school_?", "a#b", "${x}"])
def test_sts_gives_no_credentials_for_a_school_that_could_be_a_pattern(platform: Any, school: str) -> None:
    with pytest.raises(ClientError, match="ValidationError"):
        boto3.client("sts").assume_role(
            RoleArn=platform.environment["LUCA_TENANT_ROLE"],
            RoleSessionName="direct",
            Tags=[{"Key": "school_id", "Value": school}],
        )


def test_the_container_cannot_tag_anything_but_the_school(platform: Any) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        boto3.client("sts").assume_role(
            RoleArn=platform.environment["LUCA_TENANT_ROLE"],
            RoleSessionName="more",
            Tags=[{"Key": "school_id", "Value": "school_1"}, {"Key": "admin", "Value": "yes"}],
        )


# Forged tokens


def forged(client: Any, **changes: Any) -> str:
    return client.token("school_1", "admin", **changes)


@pytest.mark.parametrize(
    "claims",
    [
        {"school_id": None},
        {"school_id": "*"},
        {"school_id": "school_1#STUDENT#x"},
        {"school_id": ["school_1", "school_2"]},
        {"school_id": 1},
        {"school_id": "${aws:PrincipalTag/school_id}"},
        {"role": None},
        {"role": "owner"},
        {"role": ["admin"]},
        {"role": "Admin"},
        {"role": "student", "student_id": None},
        {"role": "student", "student_id": "*"},
        {"iss": "https://elsewhere.example"},
        {"aud": "another"},
        {"aud": None},
        {"exp": None},
        {"exp": 1},
        {"exp": int(time.time()) - 31},
        {"nbf": int(time.time()) + 600},
    ],
    # A moment in the name would differ between the workers of one run.
    ids=lambda claims: re.sub(r"\d{10}", "moment", str(claims)),
)
def test_a_token_whose_claims_do_not_hold_opens_nothing(
    client: Any, victim: Any, claims: dict[str, Any]
) -> None:
    given = {"school_id": victim.school_id, "role": "admin", **claims}
    token = client.token(given.pop("school_id"), given.pop("role"), **given)
    answer = client.call("GET", "/profile/ana", token=token)
    assert answer.status == 401
    assert "invalid_token" in answer.headers["www-authenticate"]


def test_a_token_that_someone_else_signed_opens_nothing(client: Any, victim: Any) -> None:
    from infra.local.identity import Issuer

    stranger = Issuer(client.platform.issuer.url, "luca")  # the same names, the same key id, another key
    assert client.call("GET", "/profile/ana", token=stranger.token(victim.school_id, "admin")).status == 401


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS512", "PS256"])
def test_a_token_cannot_choose_how_it_is_judged(client: Any, victim: Any, algorithm: str) -> None:
    good = client.token(victim.school_id, "admin")
    claims = jwt.decode(good, options={"verify_signature": False})
    issuer = client.platform.issuer.issuer
    secret: Any = None
    if algorithm == "HS256":  # the public key as a shared secret
        secret = "x" * 64
    elif algorithm != "none":
        secret = issuer._key
    token = jwt.encode(claims, secret, algorithm=algorithm, headers={"kid": "local"})
    assert client.call("GET", "/profile/ana", token=token).status == 401


@pytest.mark.parametrize(
    "token", ["x", "a.b.c", "é" * 10, "a" * 9000, "..", "eyJhbGciOiJSUzI1NiJ9.e30.", " "]
)
def test_a_token_that_is_none_opens_nothing(client: Any, token: str) -> None:
    assert (
        client.call("GET", "/profile/ana", token=token, headers={"Authorization": f"Bearer {token}"}).status
        == 401
    )


def test_a_token_in_another_scheme_opens_nothing(client: Any) -> None:
    assert client.call("GET", "/profile/ana", token="", headers={"Authorization": "Basic YTpi"}).status == 401


def test_claims_changed_in_a_signed_token_break_it(client: Any, victim: Any) -> None:
    head, _, signature = client.token("school_1", "student", student_id="ana").split(".")
    _, claims, _ = client.token(victim.school_id, "admin").split(".")
    assert client.call("GET", "/profile/ana", token=f"{head}.{claims}.{signature}").status == 401


def test_expired_credentials_are_replaced_and_the_request_succeeds(client: Any, victim: Any) -> None:
    tenant = client.api.services().tenants.of(victim.school_id)
    tenant._credentials = Credentials("ASIAFORGOTTEN", "s", "t", time.time() + 3000)
    tenant._signer = tenancy.Signer(tenant._credentials, tenant._dynamodb.host, "us-east-1")
    assert client.call("GET", "/profile/ana", school=victim.school_id).status == HTTPStatus.OK
    assert tenant._credentials.access_key != "ASIAFORGOTTEN"
