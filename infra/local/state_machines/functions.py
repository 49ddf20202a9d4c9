"""How machines call the functions of the local cloud: a function's error keeps its own type."""

from __future__ import annotations

from infra.local.functions import FunctionError, FunctionRuntime, PayloadTooLargeError, UnknownFunctionError
from infra.local.state_machines.execution import StateError
from infra.local.state_machines.service import Invoke


def invoking(functions: FunctionRuntime) -> Invoke:
    """Invocation as a machine's task sees it."""

    async def invoke(name: str, payload: bytes) -> bytes:
        try:
            return await functions.invoke(name, payload)
        except FunctionError as failed:
            raise StateError(failed.error_type, failed.payload.decode()) from failed
        except UnknownFunctionError as unknown:
            raise StateError("Lambda.ResourceNotFoundException", str(unknown)) from unknown
        except PayloadTooLargeError as large:
            raise StateError("States.DataLimitExceeded", str(large)) from large

    return invoke
