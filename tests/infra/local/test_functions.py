from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from infra.local.declarations import FunctionDeclaration
from infra.local.functions import (
    MAX_PAYLOAD,
    FunctionError,
    FunctionRuntime,
    PayloadTooLargeError,
    UnknownFunctionError,
)

T = TypeVar("T")
HANDLERS = "tests.infra.local.handlers"


def declared(handler: str, *, timeout: float = 10, name: str = "some", **more: Any) -> FunctionDeclaration:
    return FunctionDeclaration(
        name=name,
        arn=f"arn:aws:lambda:us-east-1:000000000000:function:{name}",
        handler=f"{HANDLERS}.{handler}",
        role_arn="arn:aws:iam::000000000000:role/some",
        timeout=timeout,
        memory=256,
        environment={"OWN": "mine"},
        **more,
    )


def using(declaration: FunctionDeclaration, logs: Path, use: Callable[[FunctionRuntime], Awaitable[T]]) -> T:
    async def run() -> T:
        runtime = FunctionRuntime(
            [declaration],
            common={"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
            credentials_of=lambda role: {"AWS_ACCESS_KEY_ID": f"key of {role}"},
            logs=logs,
        )
        try:
            return await use(runtime)
        finally:
            await runtime.stop()

    return asyncio.run(run())


def answer(declaration: FunctionDeclaration, logs: Path, payload: Any = None) -> Any:
    return json.loads(
        using(declaration, logs, lambda runtime: runtime.invoke("some", json.dumps(payload).encode()))
    )


def failure(declaration: FunctionDeclaration, logs: Path, payload: Any = None) -> FunctionError:
    with pytest.raises(FunctionError) as caught:
        answer(declaration, logs, payload)
    return caught.value


def test_a_handler_gets_the_event_and_lambdas_context(tmp_path: Path) -> None:
    said = answer(declared("functions.echo", timeout=7), tmp_path, {"día": ["ñ", 1.5, None]})
    assert said["event"] == {"día": ["ñ", 1.5, None]}
    assert said["function"] == "some"
    assert said["arn"].endswith(":function:some")
    assert len(said["request_id"]) == 36
    assert 6000 < said["left"] <= 7000


def test_an_exception_keeps_its_own_type_message_and_stack(tmp_path: Path) -> None:
    error = failure(declared("functions.fail"), tmp_path)
    assert (error.error_type, error.error_message) == ("NothingToSayError", "nothing to say")
    assert len(error.stack) == 1
    assert "in fail" in error.stack[0]
    assert "nothing to say" in (tmp_path / "some.log").read_text()


def test_a_function_survives_its_handlers_exception(tmp_path: Path) -> None:
    async def twice(runtime: FunctionRuntime) -> list[str]:
        types = []
        for _ in range(2):
            with pytest.raises(FunctionError) as caught:
                await runtime.invoke("some", b"{}")
            types.append(caught.value.error_type)
        return types

    assert using(declared("functions.fail"), tmp_path, twice) == ["NothingToSayError"] * 2


def test_a_handler_that_takes_too_long_is_ended_and_the_next_call_runs(tmp_path: Path) -> None:
    async def late_then_quick(runtime: FunctionRuntime) -> tuple[str, str, int]:
        began = time.monotonic()
        with pytest.raises(FunctionError) as caught:
            await runtime.invoke("some", b'{"seconds": 60}')
        assert time.monotonic() - began < 30
        quick = await runtime.invoke("some", b'{"seconds": 0}')
        return caught.value.error_type, caught.value.error_message, int(quick)

    kind, message, pid = using(declared("functions.sleep", timeout=0.5), tmp_path, late_then_quick)
    assert kind == "Sandbox.Timedout"
    assert message.endswith("Task timed out after 0.50 seconds")
    assert pid > 0


def test_a_process_that_ends_is_an_error_of_that_call_alone(tmp_path: Path) -> None:
    error = failure(declared("functions.leave"), tmp_path)
    assert error.error_type == "Runtime.ExitError"
    assert "exit status 3" in error.error_message


def test_a_missing_module_is_lambdas_import_error(tmp_path: Path) -> None:
    error = failure(declared("nowhere.handler"), tmp_path)
    assert error.error_type == "Runtime.ImportModuleError"
    assert "nowhere" in error.error_message


def test_a_module_that_fails_as_it_is_imported_keeps_its_error(tmp_path: Path) -> None:
    error = failure(declared("broken.handler"), tmp_path)
    assert (error.error_type, error.error_message) == ("ValueError", "broken while importing")


def test_an_answer_that_is_no_json_is_a_marshal_error(tmp_path: Path) -> None:
    assert failure(declared("functions.unspeakable"), tmp_path).error_type == "Runtime.MarshalError"


def test_requests_and_answers_beyond_six_megabytes_are_refused(tmp_path: Path) -> None:
    error = failure(declared("functions.long"), tmp_path, {"bytes": MAX_PAYLOAD})
    assert error.error_type == "Function.ResponseSizeTooLarge"
    with pytest.raises(PayloadTooLargeError):
        answer(declared("functions.echo"), tmp_path, "x" * MAX_PAYLOAD)


def test_a_function_sees_its_own_variables_and_nobody_elses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUCA_TABLE", "of the caller")
    monkeypatch.setenv("AWS_PROFILE", "of the caller")
    seen = answer(declared("functions.environment"), tmp_path)
    assert seen["OWN"] == "mine"
    assert seen["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert seen["AWS_DEFAULT_REGION"] == "us-east-1"
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == "some"
    assert seen["AWS_ACCESS_KEY_ID"] == "key of arn:aws:iam::000000000000:role/some"
    assert not {"LUCA_TABLE", "AWS_PROFILE"} & set(seen)


@pytest.mark.parametrize(("reserved", "processes"), [(1, 1), (None, 2)])
def test_no_more_run_at_once_than_declared(tmp_path: Path, reserved: int | None, processes: int) -> None:
    async def together(runtime: FunctionRuntime) -> set[bytes]:
        calls = (runtime.invoke("some", b'{"seconds": 0.3}') for _ in range(4))
        return set(await asyncio.gather(*calls))

    declaration = declared("functions.sleep", reserved_concurrency=reserved)
    assert len(using(declaration, tmp_path, together)) == processes


def test_an_unknown_function_names_those_that_exist(tmp_path: Path) -> None:
    with pytest.raises(UnknownFunctionError, match=r"'other': declared are \['some'\]"):
        using(declared("functions.echo"), tmp_path, lambda runtime: runtime.invoke("other", b"{}"))


def test_an_instance_retires_before_its_credentials_expire(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.local.functions.LIFETIME", 0.0)

    async def twice(runtime: FunctionRuntime) -> set[bytes]:
        return {await runtime.invoke("some", b'{"seconds": 0}') for _ in range(2)}

    assert len(using(declared("functions.sleep"), tmp_path, twice)) == 2
