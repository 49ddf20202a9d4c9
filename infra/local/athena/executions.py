"""Query executions: queued, run by a small pool, remembered."""

from __future__ import annotations

import threading
import time
import traceback
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.local.athena.catalog import Catalog
from infra.local.athena.context import Outcome, StatementContext
from infra.local.athena.engine import Database, Session
from infra.local.athena.errors import SYSTEM, QueryError, QueryStoppedError, RequestError
from infra.local.athena.objects import ObjectStore
from infra.local.athena.parquet_columns import SchemaReader
from infra.local.athena.results import ResultSet
from infra.local.athena.statements import StatementRunner, statement_kind
from infra.local.athena.workgroups import WorkGroup

if TYPE_CHECKING:
    from collections.abc import Sequence

WORKERS = 4
REMEMBERED = 5_000
HELD_BYTES = 256 * 1024**2  # of results in memory; older ones are read back from their object


@dataclass(slots=True)
class Execution:
    """One query execution, from submission on."""

    id: str
    sql: str
    database: str
    catalog: str
    group: WorkGroup
    output: str
    submitted: float = field(default_factory=time.time)
    state: str = "QUEUED"
    reason: str = ""
    error: QueryError | None = None
    started: float = 0.0
    finished: float = 0.0
    outcome: Outcome | None = None
    bytes_scanned: int = 0
    manifest: str = ""
    result_object: str = ""
    session: Session | None = None
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def over(self) -> bool:
        """Whether the state is final."""
        return self.state in ("SUCCEEDED", "FAILED", "CANCELLED")


class Executions:
    """All executions of a server.

    Args:
        groups: Work groups by name.
        catalog: Glue.
        store: S3.
        directory: For DuckDB's files.
    """

    def __init__(
        self, groups: Mapping[str, WorkGroup], catalog: Catalog, store: ObjectStore, directory: Path
    ) -> None:
        self._groups = groups
        self._catalog = catalog
        self._store = store
        self._schemas = SchemaReader()
        self._database = Database(directory)
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="athena-query")
        self._lock = threading.Lock()
        self._all: OrderedDict[str, Execution] = OrderedDict()
        self._tokens: dict[tuple[str, str], str] = {}

    def close(self) -> None:
        """Cancels what runs and releases everything."""
        with self._lock:
            running = [e for e in self._all.values() if not e.over]
        for execution in running:
            self.stop(execution.id)
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._database.close()

    def start(
        self, sql: str, database: str, catalog: str, group: WorkGroup, output: str, token: str | None
    ) -> str:
        """Queues a query.

        Args:
            sql: Its text, parameters filled in.
            database: For unqualified names.
            catalog: Of the request's context.
            group: Work group.
            output: Where its result goes, a prefix.
            token: ClientRequestToken: the same token gives the same execution.

        Returns:
            The execution's id.

        Raises:
            RequestError: The token was used for another query.
        """
        with self._lock:
            if token is not None:
                known = self._tokens.get((group.name, token))
                if known is not None:
                    if self._all[known].sql != sql:
                        raise RequestError(
                            "Idempotent parameters do not match: the ClientRequestToken was used for another"
                            " query"
                        )
                    return known
            execution = Execution(
                str(uuid.uuid4()),
                sql,
                database.lower() or "default",
                catalog,
                group,
                output.rstrip("/") + "/",
            )
            execution.result_object = _result_object(execution)
            self._all[execution.id] = execution
            if token is not None:
                self._tokens[group.name, token] = execution.id
            self._forget()
        self._pool.submit(self._run, execution)
        return execution.id

    def _forget(self) -> None:
        while len(self._all) > REMEMBERED:
            oldest, execution = next(iter(self._all.items()))
            if not execution.over:
                break
            del self._all[oldest]
            self._tokens = {k: v for k, v in self._tokens.items() if v != oldest}

    def get(self, query_id: str) -> Execution:
        """Finds an execution.

        Raises:
            RequestError: There is none.
        """
        with self._lock:
            found = self._all.get(query_id)
        if found is None:
            raise RequestError(f"QueryExecution {query_id} was not found")
        return found

    def ids(self, group: str) -> Sequence[str]:
        """Ids of a work group, newest first."""
        with self._lock:
            return [e.id for e in reversed(self._all.values()) if e.group.name == group]

    def stop(self, query_id: str) -> None:
        """Cancels a query; one that is over stays as it is."""
        execution = self.get(query_id)
        with self._lock:
            if execution.over:
                return
            session = execution.session
            self._finish(execution, "CANCELLED", "Query cancelled by user")
        if session is not None:
            session.stop()

    def result(self, query_id: str) -> ResultSet:
        """The rows of a finished query.

        Raises:
            RequestError: It has not succeeded, or its rows are no longer held.
        """
        execution = self.get(query_id)
        if execution.state != "SUCCEEDED" or execution.outcome is None:
            raise RequestError(
                f"Query has not yet finished. Current state: {execution.state}"
                if not execution.over
                else f"Query did not finish successfully. Final query state: {execution.state}"
            )
        result = execution.outcome.result
        if not result.released:
            return result
        return result.reread(self._store.read_uri(execution.result_object))

    def _hold(self, execution: Execution) -> None:
        """Keeps the rows of recent results only; all of them lie in S3 anyway."""
        held = 0
        for other in reversed(self._all.values()):
            outcome = other.outcome
            if outcome is None or outcome.result.released or other.result_object.endswith(".txt"):
                continue
            held += outcome.result.table.nbytes
            if held > HELD_BYTES and other is not execution and outcome.subtype == "SELECT":
                outcome.result = outcome.result.release()

    # --- running

    def _run(self, execution: Execution) -> None:
        with self._lock:
            if execution.over:
                return
            execution.state, execution.started = "RUNNING", time.time()
            execution.session = session = self._database.session()
        try:
            context = StatementContext(
                self._catalog,
                self._store,
                self._schemas,
                session,
                execution.database,
                execution.id,
                f"{execution.output}tables/{execution.id}/",
                execution.group.enforce,
                lambda scanned: _cut_off(execution, scanned),
            )
            outcome = StatementRunner(context).run(execution.sql)
            self._deliver(execution, outcome)
            with self._lock:
                if not execution.over:
                    execution.outcome, execution.bytes_scanned = outcome, outcome.bytes_scanned
                    self._finish(execution, "SUCCEEDED")
                    self._hold(execution)
        except QueryStoppedError as stopped:
            self._fail(execution, "CANCELLED", str(stopped), None)
        except QueryError as error:
            self._fail(execution, "FAILED", str(error), error)
        except Exception as error:  # noqa: BLE001 - the server must outlive any query; the reason reaches the client
            wrapped = QueryError(
                "GENERIC_INTERNAL_ERROR", f"{error!r}\n{traceback.format_exc(limit=-3)}", category=SYSTEM
            )
            self._fail(execution, "FAILED", str(wrapped), wrapped)
        finally:
            with self._lock:
                execution.session = None
            session.close()

    def _deliver(self, execution: Execution, outcome: Outcome) -> None:
        if outcome.written is not None:
            execution.manifest = _manifest(execution, outcome)
            self._store.put(execution.manifest, "\n".join(outcome.written.files).encode())
            if outcome.subtype != "INSERT":
                return
        if outcome.kind == "DML":
            self._store.put(execution.result_object, outcome.result.csv())
        else:
            self._store.put(execution.result_object, outcome.result.text())
        self._store.put(f"{execution.result_object}.metadata", b"")

    def _fail(self, execution: Execution, state: str, reason: str, error: QueryError | None) -> None:
        with self._lock:
            if not execution.over:
                execution.error = error
                self._finish(execution, state, reason)

    @staticmethod
    def _finish(execution: Execution, state: str, reason: str = "") -> None:
        execution.finished = time.time()
        execution.reason = reason
        execution.state = state
        execution.done.set()


def _cut_off(execution: Execution, scanned: int) -> None:
    execution.bytes_scanned = scanned
    limit = execution.group.bytes_scanned_cutoff
    if limit is not None and scanned > limit:
        # "If any query that runs in the workgroup exceeds the limit, it is canceled":
        # https://docs.aws.amazon.com/athena/latest/ug/workgroups-setting-control-limits-cloudwatch.html
        raise QueryStoppedError(
            f"Bytes scanned limit was exceeded: {scanned} bytes, "
            f"work group {execution.group.name} allows {limit}; read fewer partitions"
        )


def _result_object(execution: Execution) -> str:
    """Where the result will lie: `.csv` for DML, `.txt` for the rest, `tables/` for CTAS."""
    try:
        kind, tokens = statement_kind(execution.sql)
    except QueryError:
        return f"{execution.output}{execution.id}.csv"
    words = [t.text.upper() for t in tokens[:4]]
    if kind == "CREATE" and "TABLE" in words[:2] and any(t.text.upper() == "SELECT" for t in tokens):
        return f"{execution.output}tables/{execution.id}"
    if kind in ("SELECT", "WITH", "VALUES", "INSERT", "(", "TABLE"):
        return f"{execution.output}{execution.id}.csv"
    if kind == "UNLOAD":
        return f"{execution.output}{execution.id}"
    return f"{execution.output}{execution.id}.txt"


def _manifest(execution: Execution, outcome: Outcome) -> str:
    if outcome.subtype == "CREATE_TABLE_AS_SELECT":
        return f"{execution.output}tables/{execution.id}-manifest.csv"
    return f"{execution.output}{execution.id}-manifest.csv"


def public(execution: Execution) -> dict[str, Any]:
    """The execution as GetQueryExecution shows it."""
    status: dict[str, Any] = {"State": execution.state, "SubmissionDateTime": execution.submitted}
    if execution.finished:
        status["CompletionDateTime"] = execution.finished
    if execution.reason:
        status["StateChangeReason"] = execution.reason
    if execution.error is not None:
        status["AthenaError"] = {
            "ErrorCategory": execution.error.category,
            "ErrorType": execution.error.error_type,
            "Retryable": False,
            "ErrorMessage": str(execution.error),
        }
    end = execution.finished or time.time()
    total = int((end - execution.submitted) * 1000)
    running = int((end - execution.started) * 1000) if execution.started else 0
    statistics: dict[str, Any] = {
        "EngineExecutionTimeInMillis": running,
        "DataScannedInBytes": execution.bytes_scanned,
        "TotalExecutionTimeInMillis": total,
        "QueryQueueTimeInMillis": max(0, total - running),
        "ServiceProcessingTimeInMillis": 0,
    }
    if execution.manifest:
        statistics["DataManifestLocation"] = execution.manifest
    outcome = execution.outcome
    kind = outcome.kind if outcome else _kind_of(execution.sql)
    shown = {
        "QueryExecutionId": execution.id,
        "Query": execution.sql,
        "StatementType": kind,
        "ResultConfiguration": {"OutputLocation": execution.result_object},
        "QueryExecutionContext": {"Database": execution.database, "Catalog": execution.catalog},
        "Status": status,
        "Statistics": statistics,
        "WorkGroup": execution.group.name,
        "EngineVersion": {
            "SelectedEngineVersion": "AUTO",
            "EffectiveEngineVersion": "Athena engine version 3",
        },
    }
    if outcome is not None:
        shown["SubstatementType"] = outcome.subtype
    return shown


def _kind_of(sql: str) -> str:
    try:
        kind, _ = statement_kind(sql)
    except QueryError:
        return "DML"
    if kind in ("CREATE", "DROP", "ALTER", "MSCK"):
        return "DDL"
    return "UTILITY" if kind in ("SHOW", "DESCRIBE", "DESC", "EXPLAIN") else "DML"
