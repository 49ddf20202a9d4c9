"""Delivery streams: take records, deliver buffers by size, by interval and on demand."""

from __future__ import annotations

import asyncio
import base64
import io
import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from infra.local.declarations import DeliveryDeclaration
from infra.local.firehose.buffers import Buffer, arrival_of, buffer_lines, lines_of, record_of
from infra.local.firehose.conversion import Unconverted, arrow_schema, convert
from infra.local.firehose.prefixes import CONVERSION_FAILED, expand, object_name

logger = logging.getLogger(__name__)

RETRY = 1.0  # seconds between attempts to deliver


class DeliveryStream:
    """One delivery stream to a bucket.

    Args:
        declaration: What the template says.
        directory: For its buffers.
        client: boto3 client by service name.
    """

    def __init__(
        self, declaration: DeliveryDeclaration, directory: Path, client: Callable[[str], Any]
    ) -> None:
        self.declaration = declaration
        self._buffer = Buffer(directory)
        self._s3 = client("s3")
        self._schema = self._table_schema(client) if declaration.table else None
        self._compression: Any = declaration.compression
        self._delivering = asyncio.Lock()
        self._timer: asyncio.Task[None] | None = None

    def _table_schema(self, client: Callable[[str], Any]) -> pa.Schema:
        assert self.declaration.table is not None
        database, name = self.declaration.table
        table = client("glue").get_table(DatabaseName=database, Name=name)["Table"]
        return arrow_schema(
            [(column["Name"], column["Type"]) for column in table["StorageDescriptor"]["Columns"]]
        )

    def start(self) -> None:
        """Begins to deliver; buffers left by a crash go first."""
        self._timer = asyncio.create_task(self._deliver_in_time(), name=f"firehose {self.declaration.name}")

    def put(self, records: Sequence[bytes]) -> None:
        """Takes records; they are on disk when this returns."""
        self._buffer.append([line for record in records for line in buffer_lines(record)])
        if self._buffer.size >= self.declaration.size:
            self._buffer.seal()

    async def flush(self) -> None:
        """Delivers everything taken so far.

        Raises:
            Exception: The bucket refused; the buffer stays on disk.
        """
        self._buffer.seal()
        await self._deliver_sealed()

    async def stop(self) -> None:
        """Delivers what it holds and ends. What cannot be delivered stays on disk for the next start."""
        if self._timer is not None:
            self._timer.cancel()
            await asyncio.gather(self._timer, return_exceptions=True)
        try:
            await self.flush()
        except Exception:
            logger.exception("firehose %s: undelivered buffers stay on disk", self.declaration.name)

    async def _deliver_in_time(self) -> None:
        while True:
            try:
                if self._buffer.size and time.time() - self._buffer.opened_at >= self.declaration.interval:
                    self._buffer.seal()
                await self._deliver_sealed()
            except Exception:
                logger.exception("firehose %s: trying again", self.declaration.name)
            await asyncio.sleep(RETRY)

    async def _deliver_sealed(self) -> None:
        async with self._delivering:
            for path in self._buffer.sealed():
                await asyncio.to_thread(self._deliver, path)

    def _deliver(self, path: Path) -> None:
        arrived = datetime.fromtimestamp(arrival_of(path), UTC)
        # The name follows from the buffer: delivered again after a crash, it replaces itself.
        name = object_name(self.declaration.name, arrived, path.stem)
        lines = lines_of(path)
        failed: list[Unconverted] = []
        if self._schema is None:
            self._put_object(
                expand(self.declaration.prefix, arrived) + name, b"\n".join(map(record_of, lines))
            )
        else:
            good = [line for line in lines if line.startswith(b"{")]
            table, failed = convert(
                good if len(good) == len(lines) else list(map(record_of, lines)), self._schema
            )
            if table.num_rows:
                content = io.BytesIO()
                pq.write_table(table, content, compression=self._compression)
                self._put_object(
                    f"{expand(self.declaration.prefix, arrived)}{name}.parquet", content.getvalue()
                )
        if failed:
            prefix = expand(self.declaration.error_prefix, arrived, CONVERSION_FAILED)
            content_lines = [msgspec.json.encode(self._error_record(each, arrived)) for each in failed]
            self._put_object(prefix + name, b"\n".join(content_lines) + b"\n")
        path.unlink()

    def _put_object(self, key: str, content: bytes) -> None:
        self._s3.put_object(Bucket=self.declaration.bucket, Key=key, Body=content)

    def _error_record(self, failed: Unconverted, arrived: datetime) -> dict[str, Any]:
        """An error as Firehose writes it.

        https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion-error-handling.html
        """
        schema = self.declaration.schema_configuration
        return {
            "attemptsMade": 1,
            "arrivalTimestamp": int(arrived.timestamp() * 1000),
            "lastErrorCode": failed.code,
            "lastErrorMessage": failed.message,
            "attemptEndingTimestamp": int(time.time() * 1000),
            "rawData": base64.b64encode(failed.raw).decode(),
            "sequenceNumber": None,
            "subSequenceNumber": None,
            "dataCatalogTable": {
                "catalogId": schema.get("CatalogId"),
                "databaseName": schema.get("DatabaseName"),
                "tableName": schema.get("TableName"),
                "region": schema.get("Region"),
                "versionId": schema.get("VersionId"),
                "roleArn": schema.get("RoleARN"),
            },
        }
