"""The HTTP side of the local cloud's main process.

Firehose, Lambda's Invoke, Step Functions, the issuer of tokens and `/_local`.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from infra.local.asgi import Receive, Scope, Send, body_of, reply
from infra.local.firehose.delivery import DeliveryStream
from infra.local.functions import FunctionError, FunctionRuntime, PayloadTooLargeError, UnknownFunctionError
from infra.local.identity import Issuer
from infra.local.state_machines.service import TARGET as STEP_FUNCTIONS
from infra.local.state_machines.service import StateMachines

ISSUER_PATH = "/_local/issuer"
_JSON = b"application/json"
_TEXT = b"text/plain"
_AMZ_JSON = b"application/x-amz-json-1.1"
_INVOKE = "/2015-03-31/functions/"
MAX_RECORD = 1024 * 1000  # bytes of one record (Firehose quotas)
MAX_BATCH = 4 * 1024 * 1024
MAX_BATCH_RECORDS = 500


class Api:
    """Routes requests by target and path.

    Args:
        issuer: Signs tokens.
        functions: The runtime.
        deliveries: Delivery streams by name.
        machines: Step Functions.
        settle: What `POST /_local/settle` does, with its time-out in seconds.
        environment: What `GET /_local/environment` tells.
    """

    def __init__(
        self,
        *,
        issuer: Issuer,
        functions: FunctionRuntime,
        deliveries: Mapping[str, DeliveryStream],
        machines: StateMachines,
        settle: Callable[[float], Awaitable[None]],
        environment: Mapping[str, str],
    ) -> None:
        self._issuer = issuer
        self._functions = functions
        self._deliveries = deliveries
        self._machines = machines
        self._settle = settle
        self._environment = environment

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        path, method = scope["path"], scope["method"]
        body = await body_of(receive) or b""
        target = headers.get("x-amz-target", "")
        if target.startswith("Firehose_20150804."):
            status, answer = self._firehose(target.rsplit(".", 1)[1], body)
            await reply(send, status, json.dumps(answer).encode(), _AMZ_JSON)
        elif target.startswith(STEP_FUNCTIONS):
            status, answer = await self._machines.call(target.removeprefix(STEP_FUNCTIONS), json.loads(body))
            await reply(send, status, json.dumps(answer).encode(), _AMZ_JSON)
        elif path.startswith(_INVOKE) and path.endswith("/invocations") and method == "POST":
            await self._invoke(unquote(path[len(_INVOKE) : -len("/invocations")]), headers, body, send)
        else:
            query = dict(parse_qsl(scope["query_string"].decode()))
            status, answer = await self._local(method, path, query)
            if isinstance(answer, str):
                await reply(send, status, answer.encode(), _TEXT)
            else:
                await reply(send, status, json.dumps(answer).encode(), _JSON)

    async def _local(self, method: str, path: str, query: dict[str, str]) -> tuple[int, Any]:
        documents: dict[str, Callable[[], Any]] = {
            f"{ISSUER_PATH}/.well-known/openid-configuration": self._issuer.discovery,
            f"{ISSUER_PATH}/.well-known/jwks.json": self._issuer.keys,
            "/_local/environment": lambda: dict(self._environment),
        }
        if method == "GET" and path in documents:
            return 200, documents[path]()
        if (method, path) == ("GET", "/_local/token"):
            if "school_id" not in query:
                return 400, {"message": "school_id is missing: /_local/token?school_id=…&role=teacher"}
            return 200, self._issuer.token(**query)  # as text, for `curl`
        if (method, path) == ("POST", "/_local/settle"):
            try:
                await self._settle(float(query.get("timeout", 300)))
            except TimeoutError as unsettled:
                return 504, {"message": str(unsettled)}
            return 200, {"settled": True}
        return 404, {"message": f"{method} {path} is nothing that the local cloud serves here"}

    def _firehose(self, action: str, body: bytes) -> tuple[int, dict[str, Any]]:
        request = json.loads(body)
        name = request.get("DeliveryStreamName")
        if (stream := self._deliveries.get(name)) is None:
            return 400, _fault("ResourceNotFoundException", f"Firehose {name} not found.")
        if action == "DescribeDeliveryStream":
            return 200, {"DeliveryStreamDescription": _description(stream)}
        if action not in {"PutRecord", "PutRecordBatch"}:
            return 400, _fault("UnknownOperationException", f"{action} is not run by the local cloud")
        records = [request["Record"]] if action == "PutRecord" else request["Records"]
        if (refused := _put(stream, records)) is not None:
            return 400, refused
        ids = [{"RecordId": base64.b64encode(f"{name}/{n}".encode()).decode()} for n in range(len(records))]
        if action == "PutRecord":
            return 200, {**ids[0], "Encrypted": True}
        return 200, {"FailedPutCount": 0, "Encrypted": True, "RequestResponses": ids}

    async def _invoke(self, name: str, headers: dict[str, str], body: bytes, send: Send) -> None:
        kind = headers.get("x-amz-invocation-type", "RequestResponse")
        executed = [(b"x-amz-executed-version", b"$LATEST")]
        try:
            if kind != "RequestResponse":
                answer = _fault(
                    "InvalidParameterValueException", f"InvocationType {kind} is not run by the local cloud"
                )
                await reply(send, 400, json.dumps(answer).encode(), _JSON)
                return
            result = await self._functions.invoke(name, body or b"{}")
            await reply(send, 200, result, _JSON, executed)
        except FunctionError as failed:
            error = (b"x-amz-function-error", b"Unhandled")
            await reply(send, 200, failed.payload, _JSON, [*executed, error])
        except UnknownFunctionError as unknown:
            await _refuse(send, 404, "ResourceNotFoundException", str(unknown))
        except PayloadTooLargeError as large:
            await _refuse(send, 413, "RequestTooLargeException", str(large))


def _put(stream: DeliveryStream, records: list[dict[str, str]]) -> dict[str, Any] | None:
    """Hands records over; what is wrong with them, if something is."""
    try:
        data = [base64.b64decode(record["Data"], validate=True) for record in records]
    except binascii.Error as wrong:
        return _fault("SerializationException", f"Data is no base64: {wrong}")
    sizes = [len(each) for each in data]
    if len(data) > MAX_BATCH_RECORDS or sum(sizes) > MAX_BATCH or max(sizes, default=0) > MAX_RECORD:
        return _fault(
            "InvalidArgumentException",
            f"{len(data)} records of {sum(sizes)} bytes: the limits are {MAX_BATCH_RECORDS} records, "
            f"{MAX_RECORD} bytes a record and {MAX_BATCH} bytes a batch",
        )
    stream.put(data)
    return None


async def _refuse(send: Send, status: int, code: str, message: str) -> None:
    body = json.dumps({"Type": "User", "Message": message}).encode()
    await reply(send, status, body, _JSON, [(b"x-amzn-errortype", code.encode())])


def _fault(code: str, message: str) -> dict[str, Any]:
    return {"__type": code, "message": message}


def _description(stream: DeliveryStream) -> dict[str, Any]:
    declaration = stream.declaration
    return {
        "DeliveryStreamName": declaration.name,
        "DeliveryStreamARN": declaration.arn,
        "DeliveryStreamStatus": "ACTIVE",
        "DeliveryStreamType": "DirectPut",
        "VersionId": "1",
        "HasMoreDestinations": False,
        "Destinations": [
            {
                "DestinationId": "destinationId-000000000001",
                "ExtendedS3DestinationDescription": {
                    "RoleARN": declaration.schema_configuration.get("RoleARN", ""),
                    "BucketARN": f"arn:aws:s3:::{declaration.bucket}",
                    "Prefix": declaration.prefix,
                    "ErrorOutputPrefix": declaration.error_prefix,
                    "BufferingHints": {
                        "SizeInMBs": declaration.size // 1024 // 1024,
                        "IntervalInSeconds": int(declaration.interval),
                    },
                    "CompressionFormat": "UNCOMPRESSED",
                    "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"},
                },
            }
        ],
    }
