"""What a deployment needs before its stacks: a bucket with packages and templates, and the image."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.deploy.cloudformation import DeployError
from infra.local.templates import read_document

TEMPLATE = Path(__file__).with_name("artifacts.yaml")
STACK = "luca-artifacts"
# Express Mode runs x86-64, the jobs run arm64: one tag holds both.
PLATFORMS = "linux/amd64,linux/arm64"


def rendered(path: Path, places: Mapping[str, str]) -> str:
    """A template as CloudFormation takes it: JSON, what stands beside it replaced by where it lies in S3.

    Args:
        path: Of the template.
        places: `s3://…` of each `CodeUri` and `DefinitionUri`, as the template spells it.

    Raises:
        DeployError: The template names a file that is not among them.
    """
    document = read_document(path)
    for name, resource in document["Resources"].items():
        said = resource.get("Properties", {})
        for key in {"CodeUri", "DefinitionUri"} & said.keys():
            if said[key] not in places:
                raise DeployError(f"{path.name}: {name}.{key}: {said[key]!r} is neither packed nor uploaded")
            said[key] = places[said[key]]
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def beside(path: Path) -> list[Path]:
    """The files that a template names and that stand beside it: definitions of state machines."""
    named = (
        each.get("Properties", {}).get("DefinitionUri") for each in read_document(path)["Resources"].values()
    )
    return [path.with_name(each) for each in named if isinstance(each, str)]


class Bucket:
    """The bucket of artifacts. An object's name holds its content's hash, so what is there is not sent again.

    Args:
        s3: boto3's client.
        name: Of the bucket.
    """

    def __init__(self, s3: Any, name: str) -> None:
        self._s3, self.name = s3, name

    def put(self, folder: str, stem: str, suffix: str, content: bytes) -> str:
        """Puts content and gives its key."""
        key = f"{folder}/{stem}-{hashlib.sha256(content).hexdigest()[:32]}{suffix}"
        try:
            self._s3.head_object(Bucket=self.name, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"404", "NoSuchKey", "NotFound"}:
                raise
            self._s3.put_object(Bucket=self.name, Key=key, Body=content)
        return key

    def url(self, key: str, region: str) -> str:
        """Of an object, as CloudFormation asks for it."""
        return f"https://{self.name}.s3.{region}.amazonaws.com/{key}"


def image_tag(repository: Path) -> str:
    """Names an image by the content of the Dockerfile and of all that it copies."""
    dockerfile = (repository / "Dockerfile").read_text("utf-8")
    copied = [
        repository / source
        for line in re.findall(r"^COPY (?!--)(.+)$", dockerfile, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    files = [
        file
        for each in copied
        for file in ([each] if each.is_file() else each.rglob("*"))
        if file.is_file() and "__pycache__" not in file.parts and not {"target", "logs"} & set(file.parts)
    ]
    digest = hashlib.sha256(dockerfile.encode())
    for file in sorted(files):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(repository)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:20]


def built_image(repository: Path, ecr: Any, uri: str) -> str:
    """Builds the image for both architectures and pushes it, unless the repository has it.

    Args:
        repository: With the Dockerfile.
        ecr: boto3's client.
        uri: Of the image's repository in ECR.

    Returns:
        The image with its tag.

    Raises:
        DeployError: There is no Docker here, or it failed.
    """
    tag = image_tag(repository)
    image, name = f"{uri}:{tag}", uri.partition("/")[2]
    try:
        ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": tag}])
    except ecr.exceptions.ImageNotFoundException:
        pass
    else:
        return image
    docker = shutil.which("docker")
    if docker is None:
        raise DeployError(
            f"{image} is not in the repository yet and there is no docker here to build it: build the "
            f"Dockerfile for {PLATFORMS} elsewhere, push it, and say --image URI"
        )
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    user, _, password = base64.b64decode(token).decode().partition(":")
    registry = uri.partition("/")[0]
    _run([docker, "login", "--username", user, "--password-stdin", registry], password)
    _run([docker, "buildx", "build", "--platform", PLATFORMS, "--tag", image, "--push", str(repository)])
    return image


def _run(command: list[str], told: str | None = None) -> None:
    done = subprocess.run(command, input=told, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise DeployError(f"{' '.join(command[:3])} failed: {done.stderr.strip()[-2000:]}")
