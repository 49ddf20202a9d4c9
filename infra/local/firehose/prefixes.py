"""Object names of a delivery stream: prefixes with `!{…}` expressions.

https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html
"""

from __future__ import annotations

import re
import uuid
from datetime import datetime

CONVERSION_FAILED = "format-conversion-failed"  # the error type of records that do not fit

_EXPRESSION = re.compile(r"!\{([^:}]+):([^}]*)\}")
_FIELDS = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
_RUNS = re.compile(r"'([^']*)'|([A-Za-z])\2*|[^A-Za-z']+")


class PrefixError(ValueError):
    """A prefix holds an expression that is not understood."""


def expand(prefix: str, arrived: datetime, error_type: str | None = None) -> str:
    """A prefix with its expressions put in.

    Args:
        prefix: As declared.
        arrived: When the oldest record of the object arrived, UTC.
        error_type: For an error prefix, such as `format-conversion-failed`.

    Raises:
        PrefixError: An expression is not understood.
    """

    def value_of(match: re.Match[str]) -> str:
        namespace, argument = match.groups()
        if namespace == "timestamp":
            return _formatted(argument, arrived)
        if namespace == "firehose" and argument == "error-output-type" and error_type is not None:
            return error_type
        if namespace == "firehose" and argument == "random-string":
            return uuid.uuid4().hex[:11]
        raise PrefixError(f"prefix {prefix!r}: !{{{namespace}:{argument}}} is not understood here")

    return _EXPRESSION.sub(value_of, prefix)


def _formatted(pattern: str, moment: datetime) -> str:
    """A moment by a Java DateTimeFormatter pattern, of which the usual fields are known."""
    parts = []
    for match in _RUNS.finditer(pattern):
        run = match[0]
        if match[1] is not None:
            parts.append(match[1])
        elif run.isalpha():
            if run not in _FIELDS:
                raise PrefixError(
                    f"timestamp pattern {pattern!r}: {run!r} is not known, only {sorted(_FIELDS)}"
                )
            parts.append(moment.strftime(_FIELDS[run]))
        else:
            parts.append(run)
    return "".join(parts)


def object_name(stream: str, arrived: datetime, buffer: str) -> str:
    """The last part of a key, as Firehose builds it: stream, version, time and a UUID of the buffer."""
    return f"{stream}-1-{arrived:%Y-%m-%d-%H-%M-%S}-{uuid.uuid5(uuid.NAMESPACE_OID, f'{stream}/{buffer}')}"
