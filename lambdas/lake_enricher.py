"""Pipe enrichment: stream records in, lake rows without any person out.

Runs between the Pipe and Firehose, because Firehose keeps raw records under its error
prefix when a conversion fails; past this function there is nothing raw left to keep.
"""

from __future__ import annotations

import time
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from adapters.pseudonym_keys import pseudonymizer_of
from adapters.table import graduation_years
from adapters.telemetry import logger, metrics, tracer
from adapters.tombstones import tombstones
from transforms.lake_rows import lake_rows, student_of


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)  # rows do not belong into a trace
@metrics.log_metrics
def handler(records: list[dict[str, Any]], context: object) -> list[dict[str, Any]]:
    """Turns one batch of a Pipe into lake rows.

    Args:
        records: DynamoDB stream records that passed the Pipe's filter, at most 500.
        context: Lambda's own.

    Returns:
        A JSON object per row, ready for Firehose; fewer than records where an item has nothing
        to say to the lake, or its student was erased.

    Raises:
        KeyUnavailableError: A school's key cannot be read. The Pipe bisects and retries: better
            late than raw.
        StoreBusyError: Profiles stayed unread; likewise.
    """
    metrics.add_metric("RecordsToEnrich", MetricUnit.Count, len(records))
    students = {student_of(record) for record in records}
    # An erased student's records may have been on their way when the student was erased.
    erased = {student for student in students if tombstones(student.school_id).erased(student.student_id)}
    kept = [record for record in records if student_of(record) not in erased] if erased else records
    rows = lake_rows(kept, pseudonymizer_of, graduation_years(students - erased))
    metrics.add_metric("RecordsOfErased", MetricUnit.Count, len(records) - len(kept))
    metrics.add_metric("RowsToLake", MetricUnit.Count, len(rows))
    # Pipes publish no age of their iterators. Records that are sent again do not say how old they are.
    written = [at for record in records if (at := record["dynamodb"].get("ApproximateCreationDateTime"))]
    if written:
        metrics.add_metric("RecordAge", MetricUnit.Seconds, max(0.0, time.time() - min(written)))
    return rows
