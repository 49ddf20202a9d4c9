"""Functions, pipes and delivery streams: noted in the plan, for our own runtimes to play."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from infra.local.declarations import DeliveryDeclaration, FunctionDeclaration, PipeDeclaration, QueueMapping
from infra.local.event_patterns import PatternError, compile_pattern
from infra.local.firehose.prefixes import CONVERSION_FAILED, PrefixError, expand
from infra.local.resources.declared import Declared
from infra.local.resources.maker import Workshop
from infra.local.templates import Made, TemplateError

MEBIBYTE = 1024 * 1024


def function(shop: Workshop, declared: Declared, logical_id: str) -> Made:
    """AWS::Serverless::Function with its SQS events."""
    name = declared.take("FunctionName", logical_id)
    arn = shop.arn("lambda", f"function:{name}")
    environment = declared.part("Environment", {})
    variables = environment.take("Variables", {})
    environment.done()
    made = FunctionDeclaration(
        name=name,
        arn=arn,
        handler=declared.take("Handler"),
        role_arn=declared.take("Role"),
        timeout=float(declared.take("Timeout", 3)),
        memory=int(declared.take("MemorySize", 128)),
        environment={key: str(value) for key, value in variables.items()},
        reserved_concurrency=declared.take("ReservedConcurrentExecutions", None),
    )
    shop.plan.functions.append(made)
    # Code comes from the repository itself, and one machine has one architecture and no X-Ray.
    declared.without_effect(
        "CodeUri", "Runtime", "Architectures", "Tracing", "Description", "Tags", "LoggingConfig"
    )
    for event_name, event in declared.take("Events", {}).items():
        source = Declared(f"{declared.place}.Events.{event_name}", event)
        _queue_event(shop, source, made, event_name)
    declared.done()
    return Made(name, {"Arn": arn})


def _queue_event(
    shop: Workshop, event: Declared, function_made: FunctionDeclaration, event_name: str
) -> None:
    event.only("Type", "SQS")
    source = event.part("Properties")
    event.done()
    batch_size, window = (
        int(source.take("BatchSize", 10)),
        float(source.take("MaximumBatchingWindowInSeconds", 0)),
    )
    if batch_size > 10 and window < 1:
        raise TemplateError(
            f"{source.place}: BatchSize {batch_size} needs MaximumBatchingWindowInSeconds of 1 or more"
        )
    scaling = source.part("ScalingConfig", {})
    concurrency = int(scaling.take("MaximumConcurrency", 1000))
    scaling.done()
    if concurrency < 2:
        raise TemplateError(f"{source.place}: MaximumConcurrency {concurrency}: the least is 2")
    responses = source.take("FunctionResponseTypes", [])
    if set(responses) - {"ReportBatchItemFailures"}:
        raise TemplateError(f"{source.place}: FunctionResponseTypes {responses} are not understood")
    queue_arn = source.take("Queue")
    visibility = shop.notes.get(f"visibility time-out/{queue_arn}")
    if visibility is None:
        raise TemplateError(f"{source.place}: Queue {queue_arn} is no declared queue")
    if visibility < function_made.timeout:
        raise TemplateError(
            f"{source.place}: the queue's VisibilityTimeout of {visibility:.0f} s is less than the "
            f"function's Timeout of {function_made.timeout:.0f} s: Lambda refuses that, and advises six "
            "times as much"
        )
    shop.plan.mappings.append(
        QueueMapping(
            name=f"{function_made.name}.{event_name}",
            queue_arn=queue_arn,
            function=function_made.name,
            batch_size=batch_size,
            window=window,
            maximum_concurrency=concurrency,
            report_failures="ReportBatchItemFailures" in responses,
        )
    )
    source.only("Enabled", True)
    source.done()


def pipe(shop: Workshop, declared: Declared, logical_id: str) -> Made:
    """AWS::Pipes::Pipe from a table's stream."""
    name = declared.take("Name", logical_id)
    arn = shop.arn("pipes", f"pipe/{name}")
    source = declared.part("SourceParameters")
    filters = source.part("FilterCriteria", {"Filters": None})
    patterns = filters.take("Filters")
    filters.done()
    stream = source.part("DynamoDBStreamParameters")
    source.done()
    dead_letters = stream.part("DeadLetterConfig", {"Arn": None})
    retries, age = (
        int(stream.take("MaximumRetryAttempts", -1)),
        int(stream.take("MaximumRecordAgeInSeconds", -1)),
    )
    declaration = PipeDeclaration(
        name=name,
        arn=arn,
        stream_arn=declared.take("Source"),
        starting_position=stream.take("StartingPosition"),
        patterns=None
        if patterns is None
        else tuple(_pattern(source.place, each["Pattern"]) for each in patterns),
        batch_size=int(stream.take("BatchSize", 100)),
        window=float(stream.take("MaximumBatchingWindowInSeconds", 0)),
        maximum_retries=None if retries < 0 else retries,
        maximum_age=None if age < 0 else float(age),
        bisect=stream.take("OnPartialBatchItemFailure", None) == "AUTOMATIC_BISECT",
        dead_letter_arn=dead_letters.take("Arn"),
        enrichment_arn=declared.take("Enrichment", None),
        target_arn=declared.take("Target"),
    )
    dead_letters.done()
    stream.without_effect("ParallelizationFactor")  # the local stream has one shard, read by one reader
    stream.done()
    declared.without_effect("RoleArn", "Description", "Tags", "LogConfiguration")
    declared.only("DesiredState", "RUNNING")
    declared.done()
    shop.plan.pipes.append(declaration)
    return Made(name, {"Arn": arn})


def _pattern(place: str, text: str) -> dict[str, Any]:
    pattern: dict[str, Any] = json.loads(text)
    try:
        compile_pattern(pattern)
    except PatternError as wrong:
        raise TemplateError(f"{place}.FilterCriteria: {wrong}") from wrong
    return pattern


def delivery_stream(shop: Workshop, declared: Declared, logical_id: str) -> Made:
    """AWS::KinesisFirehose::DeliveryStream to a bucket."""
    name = declared.take("DeliveryStreamName", logical_id)
    arn = shop.arn("firehose", f"deliverystream/{name}")
    declared.only("DeliveryStreamType", "DirectPut")
    declared.without_effect("DeliveryStreamEncryptionConfigurationInput", "Tags")
    destination = declared.part("ExtendedS3DestinationConfiguration")
    declared.done()
    buffering = destination.part("BufferingHints", {})
    size, interval = int(buffering.take("SizeInMBs", 5)), float(buffering.take("IntervalInSeconds", 300))
    buffering.done()
    conversion = destination.take("DataFormatConversionConfiguration", None)
    schema: dict[str, str] = {}
    table, compression = None, "none"
    if conversion:
        table, compression, schema = _conversion(
            Declared(f"{destination.place}.DataFormatConversion", conversion)
        )
        if size < 64:
            raise TemplateError(
                f"{destination.place}: format conversion needs a buffer of 64 MiB, not {size}"
            )
    shop.plan.deliveries.append(
        DeliveryDeclaration(
            name=name,
            arn=arn,
            bucket=destination.take("BucketARN").removeprefix("arn:aws:s3:::"),
            prefix=_prefix(destination, "Prefix", None),
            error_prefix=_prefix(destination, "ErrorOutputPrefix", CONVERSION_FAILED),
            size=size * MEBIBYTE,
            interval=interval,
            table=table,
            compression=compression,
            schema_configuration=schema,
        )
    )
    destination.only("CompressionFormat", "UNCOMPRESSED")
    destination.without_effect("RoleARN", "CloudWatchLoggingOptions")
    destination.done()
    return Made(name, {"Arn": arn})


def _prefix(declared: Declared, name: str, error_type: str | None) -> str:
    prefix: str = declared.take(name, "")
    try:
        expand(prefix, datetime.now(UTC), error_type)
    except PrefixError as wrong:
        raise TemplateError(f"{declared.place}.{name}: {wrong}") from wrong
    return prefix


def _conversion(declared: Declared) -> tuple[tuple[str, str], str, dict[str, str]]:
    declared.only("Enabled", True)
    declared.only("InputFormatConfiguration", {"Deserializer": {"OpenXJsonSerDe": {}}})
    serializer = declared.part("OutputFormatConfiguration").part("Serializer").part("ParquetSerDe")
    compression = serializer.take("Compression", "SNAPPY")
    serializer.done()
    schema = declared.take("SchemaConfiguration")
    declared.done()
    return (
        (schema["DatabaseName"], schema["TableName"]),
        compression.lower().replace("uncompressed", "none"),
        schema,
    )
