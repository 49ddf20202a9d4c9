"""Tables and buckets, made in the store and read back."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from infra.local.resources.declared import Declared, same
from infra.local.resources.maker import Workshop
from infra.local.templates import Made


def table(shop: Workshop, declared: Declared, logical_id: str) -> Made:
    """AWS::DynamoDB::Table: with stream, indexes, time to live, recovery and protection."""
    dynamodb = shop.client("dynamodb")
    name = declared.take("TableName", logical_id)
    request: dict[str, Any] = {
        "TableName": name,
        "AttributeDefinitions": declared.take("AttributeDefinitions"),
        "KeySchema": declared.take("KeySchema"),
        "BillingMode": declared.take("BillingMode", "PROVISIONED"),
        "DeletionProtectionEnabled": declared.take("DeletionProtectionEnabled", False),
    }
    for index in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        if indexes := declared.take(index, None):
            request[index] = indexes
    if stream := declared.take("StreamSpecification", None):
        request["StreamSpecification"] = {"StreamEnabled": True, **stream}
    if encryption := declared.take("SSESpecification", None):
        request["SSESpecification"] = {
            "Enabled": encryption["SSEEnabled"],
            **{key: value for key, value in encryption.items() if key != "SSEEnabled"},
        }
    ttl = declared.take("TimeToLiveSpecification", None)
    recovery = declared.take("PointInTimeRecoverySpecification", None)
    # One machine has no partitions to warm.
    declared.without_effect("WarmThroughput", "OnDemandThroughput", "Tags")
    declared.done()

    dynamodb.create_table(**request)
    if ttl:
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)
        status = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        same(declared.place, "time to live", ttl["AttributeName"], status.get("AttributeName"))
    if recovery:
        dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)
        backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        status = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
        same(declared.place, "recovery", recovery["PointInTimeRecoveryEnabled"], status == "ENABLED")
    made = dynamodb.describe_table(TableName=name)["Table"]
    same(declared.place, "keys", request["KeySchema"], made["KeySchema"])
    same(
        declared.place, "protection", request["DeletionProtectionEnabled"], made["DeletionProtectionEnabled"]
    )
    if stream:
        same(
            declared.place, "stream", stream["StreamViewType"], made["StreamSpecification"]["StreamViewType"]
        )
    if encryption:
        same(
            declared.place,
            "encryption",
            encryption["SSEEnabled"],
            made["SSEDescription"]["Status"] == "ENABLED",
        )
    expected = {index["IndexName"] for index in request.get("GlobalSecondaryIndexes", [])}
    same(
        declared.place, "indexes", expected, {i["IndexName"] for i in made.get("GlobalSecondaryIndexes", [])}
    )
    attributes = {"Arn": made["TableArn"]}
    if stream:
        attributes["StreamArn"] = made["LatestStreamArn"]
    return Made(name, attributes)


def bucket(shop: Workshop, declared: Declared, logical_id: str) -> Made:
    """AWS::S3::Bucket: with versioning, encryption, public access block, ownership, lifecycle."""
    s3 = shop.client("s3")
    name = declared.take("BucketName", logical_id.lower())
    place = declared.place
    s3.create_bucket(Bucket=name)
    if versioning := declared.take("VersioningConfiguration", None):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=versioning)
        same(place, "versioning", versioning["Status"], s3.get_bucket_versioning(Bucket=name).get("Status"))
    if encryption := declared.take("BucketEncryption", None):
        rules = [
            {
                "ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"],
                "BucketKeyEnabled": rule.get("BucketKeyEnabled", False),
            }
            for rule in encryption["ServerSideEncryptionConfiguration"]
        ]
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": rules})
        found = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
        default = "ApplyServerSideEncryptionByDefault"
        same(place, "encryption", [r[default] for r in rules], [r[default] for r in found])
    if block := declared.take("PublicAccessBlockConfiguration", None):
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=block)
        found = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
        same(place, "public access block", block, found)
    if ownership := declared.take("OwnershipControls", None):
        s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=ownership)
        same(
            place, "ownership", ownership, s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]
        )
    if lifecycle := declared.take("LifecycleConfiguration", None):
        rules = [
            _lifecycle_rule(Declared(f"{place}.LifecycleConfiguration", rule)) for rule in lifecycle["Rules"]
        ]
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
        found = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
        same(place, "lifecycle rules", [_plain(rule) for rule in rules], [_plain(rule) for rule in found])
    declared.without_effect("Tags")
    declared.done()
    return Made(name, {"Arn": f"arn:aws:s3:::{name}", "DomainName": f"{name}.s3.amazonaws.com"})


def _lifecycle_rule(declared: Declared) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "ID": declared.take("Id"),
        "Status": declared.take("Status"),
        "Filter": {"Prefix": declared.take("Prefix", "")},
    }
    if days := declared.take("ExpirationInDays", None):
        rule["Expiration"] = {"Days": days}
    if date := declared.take("ExpirationDate", None):
        rule["Expiration"] = {"Date": date}
    if declared.take("ExpiredObjectDeleteMarker", False):
        rule["Expiration"] = {"ExpiredObjectDeleteMarker": True}
    for part in ("AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration"):
        if value := declared.take(part, None):
            rule[part] = value
    declared.done()
    return rule


def _plain(rule: dict[str, Any]) -> dict[str, Any]:
    """A lifecycle rule with its date as text: boto3 takes text and gives datetimes."""
    expiration = dict(rule.get("Expiration", {}))
    if "Date" in expiration:
        expiration["Date"] = str(expiration["Date"])[:10]
    return {**rule, "Expiration": expiration, "Filter": {"Prefix": rule["Filter"].get("Prefix", "")}}


def bucket_policy(shop: Workshop, declared: Declared, logical_id: str) -> Made:
    """AWS::S3::BucketPolicy."""
    s3 = shop.client("s3")
    name, policy = declared.take("Bucket"), declared.take("PolicyDocument")
    declared.done()
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    try:
        found = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
    except ClientError as missing:
        found = str(missing)
    same(declared.place, "policy", policy, found)
    return Made(f"{name}-policy")
