"""The image cannot be built here, so its steps are held against the lock file and judged by hadolint.

Where no package carries hadolint for the machine, the tests that name its rules (DL…) still hold.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import NamedTuple

import pytest

REPOSITORY = Path(__file__).parents[1]
OURS = {"adapters", "api", "expectations", "infra", "lambdas", "pipelines", "transforms"}
IN_THE_IMAGE = ("adapters", "api", "expectations", "pipelines", "transforms")


class Step(NamedTuple):
    """One instruction."""

    name: str
    arguments: str


def steps() -> list[Step]:
    text = (REPOSITORY / "Dockerfile").read_text()
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    return [Step(*line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


STEPS = steps()
STAGES = [position for position, step in enumerate(STEPS) if step.name == "FROM"]


def all_of(name: str) -> list[str]:
    return [step.arguments for step in STEPS if step.name == name]


def last_stage() -> list[Step]:
    return STEPS[STAGES[-1] :]


def hadolint(text: str) -> list[str]:
    """The rules that a Dockerfile breaks."""
    command = Path(sys.executable).parent / "hadolint"
    if not command.exists():
        pytest.skip("no package carries hadolint for this machine")
    done = subprocess.run(
        [command, "--format", "json", "-"],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return [fault["code"] for fault in json.loads(done.stdout)]


def test_hadolint_finds_nothing() -> None:
    assert hadolint((REPOSITORY / "Dockerfile").read_text()) == []


@pytest.mark.parametrize(
    ("step", "rule"),
    [("RUN pip install uv", "DL3013"), ("USER root", "DL3002"), ("CMD python -m api", "DL3025")],
)
def test_hadolint_would_find_a_fault(step: str, rule: str) -> None:
    assert rule in hadolint(f"{(REPOSITORY / 'Dockerfile').read_text()}\n{step}\n")


def test_it_is_built_in_stages_from_pinned_images() -> None:  # DL3006, DL3007
    assert len(STAGES) == 2
    for image in all_of("FROM"):
        assert re.match(r"python:3\.1[123]\.\d+-slim-\w+( AS \w+)?$", image), image


def test_the_images_python_is_one_that_we_support() -> None:
    supported = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["requires-python"]
    assert supported == ">=3.11,<3.14"
    assert {re.match(r"python:(3\.\d+)", image)[1] for image in all_of("FROM")} <= {"3.11", "3.12", "3.13"}


def test_it_runs_as_nobody_in_particular() -> None:  # DL3002
    users = [step.arguments for step in last_stage() if step.name == "USER"]
    assert users
    uid, gid = users[-1].split(":")
    assert int(uid) >= 10_000
    assert int(gid) >= 10_000


def test_its_root_may_be_read_only() -> None:
    environment = " ".join(step.arguments for step in last_stage() if step.name == "ENV")
    assert "PYTHONDONTWRITEBYTECODE=1" in environment
    assert "HOME=/tmp" in environment
    user = next(position for position, step in enumerate(last_stage()) if step.name == "USER")
    assert not [step for step in last_stage()[user:] if step.name in {"RUN", "COPY", "ADD", "VOLUME"}]
    assert not any("--chown" in step.arguments for step in last_stage() if step.name == "COPY")


def test_packages_come_from_the_lock_file_and_from_nowhere_else() -> None:
    (sync,) = [run for run in all_of("RUN") if run.startswith("uv sync")]
    assert {"--locked", "--no-default-groups", "--no-install-project"} <= set(sync.split())
    installs = [run for run in all_of("RUN") if "pip install" in run]
    for run in installs:  # DL3013, DL3042
        assert "--no-cache-dir" in run
        assert re.search(r'"[\w-]+==[\d.]+"', run), run
    assert not any("apt-get" in run or "curl" in run or "wget" in run for run in all_of("RUN"))


def test_the_lock_file_is_copied_before_the_code() -> None:
    names = [step.arguments.split()[0] for step in STEPS if step.name == "COPY"]
    assert names.index("pyproject.toml") < names.index("api")


def test_what_is_copied_exists_and_nothing_is_added() -> None:  # DL3020, DL3045
    assert not all_of("ADD")
    for copy in all_of("COPY"):
        if copy.startswith("--from="):
            continue
        *sources, _ = copy.split()
        for source in sources:
            assert (REPOSITORY / source).exists(), source
    assert all(path.startswith("/") for path in all_of("WORKDIR"))  # DL3000


def test_the_ignore_file_lets_in_exactly_what_is_copied() -> None:
    ignored = (REPOSITORY / ".dockerignore").read_text().split("\n")
    assert ignored[1] == "*"
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    copied = {
        source for copy in all_of("COPY") if not copy.startswith("--from=") for source in copy.split()[:-1]
    }
    assert let_in == copied


def test_commands_are_lists_and_no_pipe_hides_a_failure() -> None:  # DL3025, DL4006
    for name in ("CMD", "ENTRYPOINT", "SHELL"):
        for arguments in all_of(name):
            assert arguments.startswith("["), (name, arguments)
    assert len(all_of("CMD")) == 1  # DL4003
    assert all("|" not in run for run in all_of("RUN")) or "pipefail" in " ".join(all_of("SHELL"))
    assert not re.search(r"\bsudo\b", " ".join(all_of("RUN")))  # DL3004


def test_no_secret_is_baked_in() -> None:
    text = (REPOSITORY / "Dockerfile").read_text()
    assert not re.search(r"(?i)(secret|password|token|aws_access)\s*=", text)


def test_the_health_check_asks_the_route_that_asks_nothing_behind_it() -> None:
    (check,) = all_of("HEALTHCHECK")
    assert "/health" in check
    assert str(8080) in check
    assert all_of("EXPOSE") == ["8080"]


def imported(room: str) -> set[str]:
    """Top-level packages that a room imports, except the standard library's and ours."""
    found: set[str] = set()
    for path in (REPOSITORY / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - OURS


def locked() -> set[str]:
    """Names of the packages that the lock file gives the project, without any group."""
    packages = tomllib.loads((REPOSITORY / "uv.lock").read_text())["package"]
    by_name = {package["name"]: package for package in packages}
    waiting = [
        (dependency["name"], tuple(dependency.get("extra", ())))
        for dependency in by_name["luca"]["dependencies"]
    ]
    found: set[str] = set()
    seen: set[tuple[str, tuple[str, ...]]] = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        found.add(name)
        package = by_name[name]
        more = list(package.get("dependencies", []))
        for extra in extras:
            more += package.get("optional-dependencies", {}).get(extra, [])
        waiting += [(dependency["name"], tuple(dependency.get("extra", ()))) for dependency in more]
    return found


@pytest.mark.parametrize("room", IN_THE_IMAGE)
def test_everything_that_the_api_and_the_jobs_import_is_in_the_image(room: str) -> None:
    installed, distributions = locked(), packages_distributions()
    for package in sorted(imported(room)):
        names = {
            name.lower().replace("_", "-").replace(".", "-") for name in distributions.get(package, [package])
        }
        assert names & installed, (
            f"{room} imports {package!r} of {sorted(names)}, which uv.lock installs only with a group: "
            "move it to [project] dependencies"
        )


def test_luca_starts_in_the_image_which_has_no_infra() -> None:
    blocked = "import sys; sys.modules['infra'] = None; import pipelines.cli.__main__"
    done = subprocess.run(
        [sys.executable, "-c", blocked, "compact", "--help"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=REPOSITORY,
    )
    assert done.returncode == 0, done.stderr
    assert "Write partitions of many small files anew" in done.stdout
