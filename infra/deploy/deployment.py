"""A whole deployment: from the sources to the last stack's outputs, and back to nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from infra.deploy import artifacts
from infra.deploy.cloudformation import ChangeSet, CloudFormation, DeployError
from infra.deploy.packages import Package
from infra.deploy.plan import IMAGES, WIRED, Stack
from infra.deploy.stages import Stage

Client = Callable[[str, str], Any]  # of a service, in a region
Say = Callable[[str], object]
STAGE_TAG = "luca:stage"


class _Prepared(NamedTuple):
    """What stacks are made from: the bucket, where each package lies in it, and the image."""

    bucket: artifacts.Bucket
    places: Mapping[str, str]
    image: str


class Deployment:
    """The stacks of one stage in one account.

    Args:
        stage: Its region and parameters.
        stacks: In order.
        client: Makes boto3's client of a service in a region.
        say: Is told each step.
        pause: Waits so many seconds.

    Raises:
        DeployError: The account is not the stage's, or holds another stage.
    """

    def __init__(
        self,
        stage: Stage,
        stacks: Sequence[Stack],
        client: Client,
        *,
        say: Say,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._stage, self._stacks, self._say = stage, stacks, say
        self._client = cache(client)
        self._pause = pause
        self.account = self._client("sts", stage.region).get_caller_identity()["Account"]
        if stage.account not in {None, self.account}:
            raise DeployError(
                f"these are credentials of account {self.account}, and stage {stage.name} belongs to "
                f"{stage.account}: log in there"
            )
        self._cloudformation = cache(
            lambda region: CloudFormation(self._client("cloudformation", region), self._pause)
        )
        found = self._home.described(artifacts.STACK) or {}
        tags = {each["Key"]: each["Value"] for each in found.get("Tags", [])}
        if tags.get(STAGE_TAG, stage.name) != stage.name:
            raise DeployError(
                f"account {self.account} holds stage {tags[STAGE_TAG]}: names are the same in every stage, "
                f"so an account has one; deploy {stage.name} into another account"
            )

    @property
    def _home(self) -> CloudFormation:
        return self._cloudformation(self._stage.region)

    def _of(self, stack: Stack) -> CloudFormation:
        return self._cloudformation(stack.elsewhere or self._stage.region)

    def up(
        self, packages: Mapping[str, Package], image: Callable[[str], str], *, replace_data: bool = False
    ) -> dict[str, str]:
        """Makes or updates every stack, in order. Run again after a failure, it goes on.

        Args:
            packages: Of the functions, by name.
            image: Gives the image's URI, from the repository's.
            replace_data: Whether tables, buckets and keys may be replaced.

        Returns:
            All outputs.

        Raises:
            DeployError: A stack failed; those before it are done.
        """
        prepared = self._prepare(packages, image)
        for stack in self._stacks:
            change_set = self._change_set(stack, prepared)
            outcome = self._of(stack).execute(change_set, replace_data=replace_data)
            self._say(f"{stack.name} {outcome}")
        return self.outputs()

    def changes(
        self, packages: Mapping[str, Package], image: Callable[[str], str]
    ) -> Iterator[tuple[Stack, ChangeSet | None]]:
        """What `up` would change, stack by stack. None: it stands on a stack that is not there yet.

        A change that an earlier stack's change brings about shows only when that one is made.
        """
        prepared = self._prepare(packages, image)
        absent: set[str] = set()
        for stack in self._stacks:
            if absent & set(stack.needs):
                absent.add(stack.name)
                yield stack, None
                continue
            change_set = self._change_set(stack, prepared)
            self._of(stack).discard(change_set)
            if change_set.creates:
                absent.add(stack.name)
            yield stack, change_set

    def outputs(self) -> dict[str, str]:
        """All outputs of all stacks."""
        return {
            name: value
            for stack in self._stacks
            for name, value in self._of(stack).outputs(stack.name).items()
        }

    def down(self, *, delete_data: bool) -> None:
        """Deletes the stacks, last first.

        Those that keep data stay, and with them those on which they stand, unless `delete_data`.

        Raises:
            DeployError: A stack could not be deleted; it goes on from there.
        """
        staying: dict[str, str] = {}
        for stack in [] if delete_data else reversed(self._stacks):
            if stack.keeps:
                staying.setdefault(stack.name, f"keeps {', '.join(stack.keeps)}")
            if stack.name in staying:
                for name in stack.needs:
                    staying.setdefault(name, f"{stack.name} stands on it")
        for stack in reversed(self._stacks):
            cloudformation = self._of(stack)
            if stack.name in staying:
                self._say(f"{stack.name} stays: {staying[stack.name]}")
                continue
            kept = (
                {name: cloudformation.resources(stack.name)[name] for name in stack.keeps}
                if stack.keeps and cloudformation.described(stack.name)
                else {}
            )
            self._say(f"{stack.name} {'deleted' if cloudformation.delete(stack.name) else 'was not there'}")
            for kind, physical_id in kept.values():
                self._delete(kind, physical_id)

    def _delete(self, kind: str, physical_id: str) -> None:
        """Deletes what a stack has left behind."""
        region = self._stage.region
        if kind == "AWS::DynamoDB::Table":
            dynamodb = self._client("dynamodb", region)
            dynamodb.update_table(TableName=physical_id, DeletionProtectionEnabled=False)
            dynamodb.delete_table(TableName=physical_id)
        elif kind == "AWS::S3::Bucket":
            s3 = self._client("s3", region)
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=physical_id):
                found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
                if found:
                    objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
                    s3.delete_objects(Bucket=physical_id, Delete={"Objects": objects, "Quiet": True})
            s3.delete_bucket(Bucket=physical_id)
        elif kind == "AWS::KMS::Key":
            self._client("kms", region).schedule_key_deletion(KeyId=physical_id, PendingWindowInDays=30)
            self._say(f"{physical_id}: its deletion in 30 days can be cancelled until then")
            return
        else:
            self._say(f"{physical_id} ({kind}) is left: delete it by hand")
            return
        self._say(f"{physical_id} deleted, with all that was in it")

    def _prepare(self, packages: Mapping[str, Package], image: Callable[[str], str]) -> _Prepared:
        """Makes the bucket and the repository of images, and fills them with what stacks are made from."""
        body = artifacts.rendered(artifacts.TEMPLATE, {})
        change_set = self._home.change_set(artifacts.STACK, body, None, {}, self._tags)
        self._say(f"{artifacts.STACK} {self._home.execute(change_set)}")
        known = self._home.outputs(artifacts.STACK)
        bucket = artifacts.Bucket(self._client("s3", self._stage.region), known["Bucket"])
        uri = image(known["Repository"])
        self._say(f"image {uri}")
        return _Prepared(bucket, self._uploaded(bucket, packages), uri)

    @property
    def _tags(self) -> dict[str, str]:
        return {STAGE_TAG: self._stage.name}

    def _uploaded(self, bucket: artifacts.Bucket, packages: Mapping[str, Package]) -> dict[str, str]:
        """Where each package and definition lies, by what the templates call it."""
        places: dict[str, str] = {}
        for name, package in packages.items():
            key = bucket.put("functions", name, ".zip", package.path.read_bytes())
            places[f"../out/functions/{name}/"] = f"s3://{bucket.name}/{key}"
        for file in {file for stack in self._stacks for file in artifacts.beside(stack.path)}:
            key = bucket.put("definitions", file.name.split(".")[0], ".asl.json", file.read_bytes())
            places[file.name] = f"s3://{bucket.name}/{key}"
        return places

    def _change_set(self, stack: Stack, prepared: _Prepared) -> ChangeSet:
        body = artifacts.rendered(stack.path, prepared.places)
        key = prepared.bucket.put("templates", stack.name, ".json", body.encode())
        url = prepared.bucket.url(key, self._stage.region)
        parameters = self.parameters(stack, prepared.image)
        return self._of(stack).change_set(stack.name, body, url, parameters, self._tags)

    def parameters(self, stack: Stack, image: str) -> dict[str, str | None]:
        """Values of a stack's parameters; one that has a default and no value is left to its template.

        The stage's own word comes first, then what other stacks put out, then what the stack has now (None).
        """
        values: dict[str, str | None] = {}
        for name, declared in stack.template.parameters.items():
            if name in self._stage.parameters:
                values[name] = self._stage.parameters[name]
            elif name in IMAGES:
                values[name] = image
            elif name in WIRED and (put_out := self._output(*WIRED[name])) is not None:
                values[name] = put_out
            elif "Default" not in declared:
                values[name] = None
        return values

    def _output(self, stem: str, output: str) -> str | None:
        """An output of a stack; None where its condition leaves it out."""
        source = next(each for each in self._stacks if each.path.stem == stem)
        return self._of(source).outputs(source.name).get(output)
