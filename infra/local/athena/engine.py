"""DuckDB: one instance for the server, one connection and one directory for each query."""

from __future__ import annotations

import re
import shutil
import threading
import uuid
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from infra.local.athena.errors import SYSTEM, QueryError, QueryStoppedError
from infra.local.athena.sql.macros import FAILURE_MARK, MACROS
from infra.local.athena.sql.scope import quoted

MEMORY_LIMIT = "4GB"
THREADS = 2
_LISTERS = 16
_INTERRUPT_SECONDS = 0.05

T = TypeVar("T")
R = TypeVar("R")


class Database:
    """The DuckDB instance of a server, with Trino's answers as macros.

    Args:
        directory: For spilled data and for the files of running queries.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._runs = directory / f"runs-{uuid.uuid4().hex[:8]}"
        self._runs.mkdir(parents=True)
        self._instance = duckdb.connect(
            ":memory:",
            config={
                "threads": THREADS,
                "memory_limit": MEMORY_LIMIT,
                "temp_directory": str(self._runs / "spill"),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        self._instance.execute("SET GLOBAL TimeZone = 'UTC'")
        for macro in MACROS:
            self._instance.execute(f"CREATE MACRO {macro}")
        self._pool = ThreadPoolExecutor(_LISTERS, thread_name_prefix="athena-list")

    def session(self) -> Session:
        """A connection for one query."""
        return Session(self._instance.cursor(), self._runs / uuid.uuid4().hex, self._pool)

    def close(self) -> None:
        """Closes the instance and removes its files."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._instance.close()
        shutil.rmtree(self._runs, ignore_errors=True)


class Session:
    """The connection, links and temporary tables of one query.

    Attributes:
        directory: Of the query, removed with it.
        sources: Local link to S3 URI: errors of DuckDB are told in the user's names.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, directory: Path, pool: ThreadPoolExecutor
    ) -> None:
        self._connection = connection
        self._pool = pool
        self.directory = directory
        directory.mkdir(parents=True)
        self.sources: dict[str, str] = {}
        self._stopped = threading.Event()
        self._closed = threading.Event()
        self._tables = 0

    def close(self) -> None:
        """Releases the connection and the files."""
        self._closed.set()
        self._connection.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def stop(self) -> None:
        """Interrupts what runs; what comes next raises QueryStoppedError."""
        self._stopped.set()
        threading.Thread(target=self._interrupt, name="athena-stop", daemon=True).start()

    def _interrupt(self) -> None:
        # DuckDB forgets an interrupt that comes a moment before its query begins: say it again.
        while not self._closed.is_set():
            self._connection.interrupt()
            self._closed.wait(_INTERRUPT_SECONDS)

    def check_stopped(self) -> None:
        """Raises QueryStoppedError once `stop` was called."""
        if self._stopped.is_set():
            raise QueryStoppedError

    def parallel(self, function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Applies a function that waits for the network to many items."""
        return list(self._pool.map(function, items))

    def execute(self, sql: str) -> duckdb.DuckDBPyConnection:
        """Runs DuckDB SQL.

        Raises:
            QueryError: In Athena's words.
            QueryStoppedError: The query was cancelled.
        """
        self.check_stopped()
        try:
            return self._connection.execute(sql)
        except duckdb.Error as error:
            self.check_stopped()
            raise self._told(error) from error

    def arrow(self, sql: str) -> pa.Table:
        """The whole result of a query."""
        self.check_stopped()
        try:
            table: pa.Table = self._connection.sql(sql).to_arrow_table()
            return table
        except duckdb.Error as error:
            self.check_stopped()
            raise self._told(error) from error

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a small result."""
        return self.execute(sql).fetchall()

    def register(self, table: pa.Table) -> str:
        """Makes an Arrow table readable; returns its quoted name."""
        self._tables += 1
        name = f"given {self._tables}"
        self._connection.register(name, table)
        return quoted(name)

    def _told(self, error: duckdb.Error) -> QueryError:
        message = str(error)
        failed = re.search(rf"{FAILURE_MARK}(.*?)' to INT32", message, re.S)
        if failed:
            return _named(failed[1])
        for link, uri in self.sources.items():
            if link in message:
                return QueryError("HIVE_BAD_DATA", f"Error reading {uri}: {message.replace(link, uri)}")
        return _translated(error, message)


def _named(message: str) -> QueryError:
    """A failure that a macro raised, which may bring its own name."""
    match = re.match(r"([A-Z][A-Z_]+): (.*)", message, re.S)
    if match:
        return QueryError(match[1], match[2])
    if message == "Division by zero":
        return QueryError("DIVISION_BY_ZERO", message)
    if "cast" in message:
        return QueryError("INVALID_CAST_ARGUMENT", message)
    return QueryError("INVALID_FUNCTION_ARGUMENT", message)


_KNOWN: Sequence[tuple[type[duckdb.Error], str, str]] = (
    (duckdb.Error, "Division by zero", "DIVISION_BY_ZERO"),
    (duckdb.Error, "must appear in the GROUP BY clause", "EXPRESSION_NOT_AGGREGATE"),
    (duckdb.Error, "More than one row returned by a subquery", "SUBQUERY_MULTIPLE_ROWS"),
    (duckdb.Error, "Map keys must be unique", "INVALID_FUNCTION_ARGUMENT"),
    (duckdb.OutOfRangeException, "", "NUMERIC_VALUE_OUT_OF_RANGE"),
    (duckdb.ConversionException, "", "INVALID_CAST_ARGUMENT"),
    (duckdb.OutOfMemoryException, "", "EXCEEDED_LOCAL_MEMORY_LIMIT"),
    (duckdb.InvalidInputException, "", "INVALID_FUNCTION_ARGUMENT"),
    (duckdb.BinderException, "", "NOT_SUPPORTED"),
    (duckdb.ParserException, "", "NOT_SUPPORTED"),
    (duckdb.NotImplementedException, "", "NOT_SUPPORTED"),
)


def _translated(error: duckdb.Error, message: str) -> QueryError:
    for kind, words, name in _KNOWN:
        if isinstance(error, kind) and words in message:
            return QueryError(
                name, words if name == "DIVISION_BY_ZERO" else message.partition("\n\n")[0][:1500]
            )
    return QueryError("GENERIC_INTERNAL_ERROR", message[:1500], category=SYSTEM)
