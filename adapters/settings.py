"""What a deployed part is told about its surroundings: environment variables named `LUCA_*`.

Each is an output of a template of `infra/`; `luca local env` prints them for one machine.
"""

from __future__ import annotations

import os


class MissingSettingError(RuntimeError):
    """An environment variable that the running part needs is not set."""


def setting(name: str) -> str:
    """The value of `LUCA_{name}`.

    Args:
        name: Without the prefix, such as `TABLE` or `LAKE_BUCKET`.

    Raises:
        MissingSettingError: It is not set, or empty.
    """
    value = os.environ.get(f"LUCA_{name}")
    if not value:
        raise MissingSettingError(
            f"LUCA_{name} is not set: on one machine run `luca local up` and, in another shell, "
            '`eval "$(luca local env)"`; in AWS it is an output of the stacks'
        )
    return value
