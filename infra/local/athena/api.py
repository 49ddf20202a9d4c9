"""The operations of the Athena API, from request to reply."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from infra.local.athena.catalog import Catalog
from infra.local.athena.errors import QueryError, RequestError
from infra.local.athena.executions import Executions, public
from infra.local.athena.results import ResultColumn
from infra.local.athena.sql import dialect
from infra.local.athena.sql.types import Type
from infra.local.athena.workgroups import WorkGroup

CATALOG_NAME = "AwsDataCatalog"
# A reply may wait this long for a query to end: clients sleep whole seconds between questions.
PATIENCE_SECONDS = 1.0
_PAGE_ROWS = 1000

Request = dict[str, Any]
Reply = dict[str, Any]


class AthenaApi:
    """Answers API calls.

    Args:
        groups: Work groups by name.
        catalog: Glue.
        executions: Runs the queries.
    """

    def __init__(self, groups: Mapping[str, WorkGroup], catalog: Catalog, executions: Executions) -> None:
        self._groups = groups
        self._catalog = catalog
        self._executions = executions
        self._operations: dict[str, Callable[[Request], Reply]] = {
            "StartQueryExecution": self._start,
            "GetQueryExecution": self._get,
            "BatchGetQueryExecution": self._batch_get,
            "GetQueryResults": self._results,
            "GetQueryRuntimeStatistics": self._runtime,
            "StopQueryExecution": self._stop,
            "ListQueryExecutions": self._list,
            "GetWorkGroup": lambda r: {"WorkGroup": self._shown(self._group(r))},
            "ListWorkGroups": lambda r: {
                "WorkGroups": [{"Name": n, "State": "ENABLED"} for n in self._groups]
            },
            "GetDataCatalog": lambda r: {
                "DataCatalog": {"Name": r.get("Name", CATALOG_NAME), "Type": "GLUE"}
            },
            "ListDataCatalogs": lambda r: {
                "DataCatalogsSummary": [{"CatalogName": CATALOG_NAME, "Type": "GLUE"}]
            },
            "GetDatabase": self._database,
            "ListDatabases": lambda r: {"DatabaseList": [{"Name": n} for n in self._catalog.databases()]},
            "GetTableMetadata": self._table,
            "ListTableMetadata": self._tables,
        }

    def call(self, operation: str, request: Request) -> Reply:
        """Runs one operation.

        Raises:
            RequestError: The request is refused.
        """
        handler = self._operations.get(operation)
        if handler is None:
            raise RequestError(f"the local Athena has no operation {operation}", "UnknownOperationException")
        return handler(request)

    def _group(self, request: Request) -> WorkGroup:
        name = request.get("WorkGroup") or "primary"
        group = self._groups.get(name)
        if group is None:
            raise RequestError(f"WorkGroup {name} is not found.")
        return group

    @staticmethod
    def _shown(group: WorkGroup) -> Reply:
        return {"Name": group.name, "State": "ENABLED", "Configuration": group.configuration}

    def _start(self, request: Request) -> Reply:
        group = self._group(request)
        sql = request.get("QueryString", "")
        if not sql.strip():
            raise RequestError("QueryString must not be empty")
        if len(sql.encode()) > dialect.MAX_QUERY_BYTES:
            raise RequestError(f"QueryString is longer than {dialect.MAX_QUERY_BYTES} bytes")
        asked = (request.get("ResultConfiguration") or {}).get("OutputLocation", "")
        output = group.output_location if group.enforce or not asked else asked
        if not output:
            raise RequestError(
                "No output location provided. An output location is required either through the "
                "Workgroup result configuration setting or as an API input."
            )
        context = request.get("QueryExecutionContext") or {}
        query_id = self._executions.start(
            with_parameters(sql, request.get("ExecutionParameters") or []),
            (context.get("Database") or "default").strip("`"),  # awswrangler quotes it as Hive does
            context.get("Catalog") or CATALOG_NAME,
            group,
            output,
            request.get("ClientRequestToken"),
        )
        return {"QueryExecutionId": query_id}

    def _get(self, request: Request) -> Reply:
        execution = self._executions.get(request["QueryExecutionId"])
        execution.done.wait(PATIENCE_SECONDS)
        return {"QueryExecution": public(execution)}

    def _batch_get(self, request: Request) -> Reply:
        found, missing = [], []
        for query_id in request["QueryExecutionIds"]:
            try:
                found.append(public(self._executions.get(query_id)))
            except RequestError as error:
                missing.append(
                    {"QueryExecutionId": query_id, "ErrorCode": error.code, "ErrorMessage": str(error)}
                )
        return {"QueryExecutions": found, "UnprocessedQueryExecutionIds": missing}

    def _results(self, request: Request) -> Reply:
        try:
            result = self._executions.result(request["QueryExecutionId"])
        except QueryError as error:  # its object is gone
            raise RequestError(f"Could not find results: {error}") from error
        outcome = self._executions.get(request["QueryExecutionId"]).outcome
        size = min(int(request.get("MaxResults") or _PAGE_ROWS), _PAGE_ROWS)
        token = request.get("NextToken") or "0"
        if not token.isdigit():
            raise RequestError(f"NextToken {token!r} is not one that GetQueryResults gave")
        rows, following = result.page(int(token), size)
        reply: Reply = {
            "ResultSet": {
                "Rows": [{"Data": [{} if v is None else {"VarCharValue": v} for v in row]} for row in rows],
                "ResultSetMetadata": {"ColumnInfo": [column_info(c) for c in result.columns]},
            },
            "UpdateCount": outcome.written.rows if outcome and outcome.written else 0,
        }
        if following is not None:
            reply["NextToken"] = str(following)
        return reply

    def _runtime(self, request: Request) -> Reply:
        execution = self._executions.get(request["QueryExecutionId"])
        outcome = execution.outcome
        rows = (
            outcome.written.rows
            if outcome and outcome.written
            else outcome.result.table.num_rows
            if outcome
            else 0
        )
        timeline = public(execution)["Statistics"]
        return {
            "QueryRuntimeStatistics": {
                "Timeline": {
                    k: timeline[k]
                    for k in (
                        "EngineExecutionTimeInMillis",
                        "TotalExecutionTimeInMillis",
                        "QueryQueueTimeInMillis",
                    )
                },
                "Rows": {"InputBytes": execution.bytes_scanned, "OutputRows": rows},
            }
        }

    def _stop(self, request: Request) -> Reply:
        self._executions.stop(request["QueryExecutionId"])
        return {}

    def _list(self, request: Request) -> Reply:
        ids = self._executions.ids(self._group(request).name)
        start, size = int(request.get("NextToken") or 0), int(request.get("MaxResults") or 50)
        reply: Reply = {"QueryExecutionIds": list(ids[start : start + size])}
        if start + size < len(ids):
            reply["NextToken"] = str(start + size)
        return reply

    def _database(self, request: Request) -> Reply:
        name = request["DatabaseName"]
        if not self._catalog.has_database(name):
            raise RequestError(f"Database {name} not found", "MetadataException")
        return {"Database": {"Name": name}}

    def _table(self, request: Request) -> Reply:
        found = self._catalog.find(request["DatabaseName"], request["TableName"])
        if found is None:
            raise RequestError(
                f"EntityNotFoundException: Entity Not Found: {request['TableName']}", "MetadataException"
            )
        return {"TableMetadata": _metadata(found)}

    def _tables(self, request: Request) -> Reply:
        try:
            tables = self._catalog.tables(request["DatabaseName"])
        except QueryError as error:
            raise RequestError(str(error), "MetadataException") from error
        wanted = request.get("Expression") or "*"
        pattern = re.compile(wanted.replace("*", ".*"))
        chosen = [_metadata(t) for t in tables if pattern.fullmatch(t["Name"])]
        start, size = int(request.get("NextToken") or 0), int(request.get("MaxResults") or 50)
        reply: Reply = {"TableMetadataList": chosen[start : start + size]}
        if start + size < len(chosen):
            reply["NextToken"] = str(start + size)
        return reply


def with_parameters(sql: str, values: list[str]) -> str:
    """Puts ExecutionParameters, which are SQL literals, in place of the question marks.

    Raises:
        RequestError: Their numbers differ.
    """
    if not values:
        return sql
    try:
        places = [t for t in dialect.tokens_of(sql) if t.token_type == dialect.TokenType.PLACEHOLDER]
    except QueryError as error:
        raise RequestError(str(error)) from error
    if len(places) != len(values):
        raise RequestError(
            f"Number of ExecutionParameters ({len(values)}) and of question marks ({len(places)}) differ"
        )
    out, at = [], 0
    for place, value in zip(places, values, strict=True):
        out += [sql[at : place.start], value]
        at = place.end + 1
    return "".join([*out, sql[at:]])


_PRECISIONS = {
    "boolean": 0, "tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19, "real": 17, "double": 17,
    "varchar": 2147483647, "timestamp": 3, "timestamp with time zone": 3, "varbinary": 1073741824,
}  # fmt: skip


def column_info(column: ResultColumn) -> Reply:
    """A column as ResultSetMetadata describes it."""
    kind: Type = column.type
    return {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": column.name,
        "Label": column.name,
        "Type": kind.athena,
        "Precision": kind.precision or _PRECISIONS.get(kind.name, 0),
        "Scale": kind.scale,
        "Nullable": "UNKNOWN",
        "CaseSensitive": kind.name in ("varchar", "json"),
    }


def _metadata(table: dict[str, Any]) -> Reply:
    def columns(items: Any) -> list[Reply]:
        return [{k: c[k] for k in ("Name", "Type", "Comment") if k in c} for c in items or []]

    shown: Reply = {
        "Name": table["Name"],
        "TableType": table.get("TableType", ""),
        "Columns": columns(table.get("StorageDescriptor", {}).get("Columns")),
        "PartitionKeys": columns(table.get("PartitionKeys")),
        "Parameters": table.get("Parameters", {}),
    }
    if "CreateTime" in table:
        shown["CreateTime"] = table["CreateTime"].timestamp()
    return shown
