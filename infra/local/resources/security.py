"""Keys, roles and policies, made in the store and read back."""

from __future__ import annotations

import json
import secrets
from typing import Any

from infra.local.resources.declared import Declared, same
from infra.local.resources.maker import Workshop
from infra.local.templates import Made


def key(shop: Workshop, declared: Declared, logical_id: str) -> Made:
    """AWS::KMS::Key: a symmetric key for encryption."""
    kms = shop.client("kms")
    policy, rotation = declared.take("KeyPolicy"), declared.take("EnableKeyRotation", False)
    description = declared.take("Description", "")
    declared.without_effect("Tags", "PendingWindowInDays")
    declared.only("KeyUsage", "ENCRYPT_DECRYPT")
    declared.only("KeySpec", "SYMMETRIC_DEFAULT")
    declared.done()
    made = kms.create_key(Policy=json.dumps(policy), Description=description)["KeyMetadata"]
    if rotation:
        kms.enable_key_rotation(KeyId=made["KeyId"])
    found = kms.get_key_rotation_status(KeyId=made["KeyId"])["KeyRotationEnabled"]
    same(declared.place, "key rotation", rotation, found)
    return Made(made["KeyId"], {"Arn": made["Arn"], "KeyId": made["KeyId"]})


def key_alias(shop: Workshop, declared: Declared, logical_id: str) -> Made:
    """AWS::KMS::Alias."""
    kms = shop.client("kms")
    name, target = declared.take("AliasName"), declared.take("TargetKeyId")
    declared.done()
    kms.create_alias(AliasName=name, TargetKeyId=target)
    same(declared.place, "target", target, kms.describe_key(KeyId=name)["KeyMetadata"]["KeyId"])
    return Made(name)


def secret(shop: Workshop, declared: Declared, logical_id: str) -> Made:
    """AWS::SecretsManager::Secret, with a value that is made up here as it is in AWS."""
    manager = shop.client("secretsmanager")
    name, description = declared.take("Name", logical_id), declared.take("Description", "")
    made_up = declared.part("GenerateSecretString")
    declared.without_effect("KmsKeyId", "ReplicaRegions", "Tags")
    declared.done()
    template, key = made_up.take("SecretStringTemplate"), made_up.take("GenerateStringKey")
    value = {**json.loads(template), key: secrets.token_hex(int(made_up.take("PasswordLength", 32)))}
    made_up.without_effect("ExcludePunctuation")  # hex digits have none
    made_up.done()
    arn = manager.create_secret(Name=name, Description=description, SecretString=json.dumps(value))["ARN"]
    found = manager.get_secret_value(SecretId=arn)["SecretString"]
    same(declared.place, "secret's keys", sorted(value), sorted(json.loads(found)))
    return Made(arn, {"Id": arn})


def role(shop: Workshop, declared: Declared, logical_id: str) -> Made:
    """AWS::IAM::Role with its inline policies."""
    iam = shop.client("iam")
    name = declared.take("RoleName", f"luca-{logical_id}")
    trust = declared.take("AssumeRolePolicyDocument")
    policies = declared.take("Policies", [])
    request: dict[str, Any] = {"RoleName": name, "AssumeRolePolicyDocument": json.dumps(trust)}
    for optional in ("Description", "MaxSessionDuration", "Path"):
        if (value := declared.take(optional, None)) is not None:
            request[optional] = value
    managed = declared.take("ManagedPolicyArns", [])
    declared.without_effect("Tags")
    declared.done()
    arn = iam.create_role(**request)["Role"]["Arn"]
    found = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    same(declared.place, "trust policy", trust, found)
    for policy in policies:
        _put_policy(shop, declared.place, name, policy["PolicyName"], policy["PolicyDocument"])
    for managed_arn in managed:
        iam.attach_role_policy(RoleName=name, PolicyArn=managed_arn)
    return Made(name, {"Arn": arn})


def role_policy(shop: Workshop, declared: Declared, logical_id: str) -> Made:
    """AWS::IAM::RolePolicy."""
    role_name, name = declared.take("RoleName"), declared.take("PolicyName")
    document = declared.take("PolicyDocument")
    declared.done()
    _put_policy(shop, declared.place, role_name, name, document)
    return Made(name)


def _put_policy(shop: Workshop, place: str, role_name: str, name: str, document: dict[str, Any]) -> None:
    iam = shop.client("iam")
    iam.put_role_policy(RoleName=role_name, PolicyName=name, PolicyDocument=json.dumps(document))
    found = iam.get_role_policy(RoleName=role_name, PolicyName=name)["PolicyDocument"]
    same(place, f"policy {name}", document, found)
