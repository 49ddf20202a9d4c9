"""How Athena says no: a query that fails, and a request that is refused."""

from __future__ import annotations

USER, SYSTEM = 2, 1

# The kinds of AthenaError that clients look at; everything else is a plain user error.
# https://docs.aws.amazon.com/athena/latest/ug/error-reference.html
_ERROR_TYPES = {
    "SYNTAX_ERROR": 1006,
    "TABLE_NOT_FOUND": 1301,
    "SCHEMA_NOT_FOUND": 1301,
    "COLUMN_NOT_FOUND": 1006,
    "TYPE_MISMATCH": 1006,
    "HIVE_BAD_DATA": 1101,
    "HIVE_CURSOR_ERROR": 1101,
    "HIVE_TOO_MANY_OPEN_PARTITIONS": 1006,
}


class QueryError(Exception):
    """A query that Athena would fail, with the name Athena gives the failure.

    Attributes:
        name: Athena's error name, such as `TABLE_NOT_FOUND`.
        detail: What is wrong, naming the thing.
        category: 2 for the user's fault, 1 for ours.
    """

    def __init__(self, name: str, detail: str, *, category: int = USER) -> None:
        super().__init__(f"{name}: {detail}")
        self.name = name
        self.detail = detail
        self.category = category

    @property
    def error_type(self) -> int:
        """The number of `AthenaError.ErrorType`."""
        return _ERROR_TYPES.get(self.name, 1006 if self.category == USER else 200)


class NotSupportedError(QueryError):
    """A statement that Athena may run and this server would get wrong: refused, never guessed."""

    def __init__(self, detail: str) -> None:
        super().__init__("NOT_SUPPORTED", detail)


class QueryStoppedError(Exception):
    """The query was cancelled: by StopQueryExecution, or because it would read too much."""

    def __init__(self, reason: str = "Query cancelled by user") -> None:
        super().__init__(reason)


class RequestError(Exception):
    """An API request that Athena refuses.

    Attributes:
        code: The exception's name in the API, such as `InvalidRequestException`.
    """

    def __init__(self, message: str, code: str = "InvalidRequestException") -> None:
        super().__init__(message)
        self.code = code
