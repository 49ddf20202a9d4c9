from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest

from infra.deploy import packages
from infra.deploy.packages import PackageError, archive, package
from infra.deploy.sources import functions, locked, source
from infra.local.children import REPOSITORY
from infra.local.templates import read_template

TEMPLATES = [read_template(path) for path in sorted((REPOSITORY / "infra").glob("*.yaml"))]
FUNCTIONS = functions(TEMPLATES)
# No function needs them, and each would take more of its start than all the rest.
HEAVY = {"awswrangler", "dbt", "duckdb", "great_expectations", "numpy", "pandas", "pyarrow", "starlette"}
INSTALLED: dict[str, Distribution] = {
    each.metadata["Name"].lower().replace("_", "-").replace(".", "-"): each for each in distributions()
}


def from_here(repository: Path, names: set[str], target: Path) -> None:
    """Installs without a network: links to what this environment has of these distributions, no more."""
    target.mkdir(parents=True)
    for name in names & INSTALLED.keys():  # the rest is for other platforms
        top = {file.parts[0] for file in INSTALLED[name].files or [] if file.parts[0] != ".."}
        for part in top - {"__pycache__"}:
            at = Path(str(INSTALLED[name].locate_file(part)))
            if not (target / part).exists():
                (target / part).symlink_to(at)


def small(repository: Path, names: set[str], target: Path) -> None:
    (target / "bin").mkdir(parents=True)
    (target / "bin" / "jp.py").write_text("a script")
    (target / "some" / "__pycache__").mkdir(parents=True)
    (target / "some" / "__init__.py").write_text("a = 1\n")
    (target / "some" / "__pycache__" / "x.pyc").write_bytes(os.urandom(8))
    (target / "some-1.dist-info").mkdir()
    (target / "some-1.dist-info" / "RECORD").write_bytes(os.urandom(8))
    (target / "some-1.dist-info" / "METADATA").write_text("Name: some")


def test_made_twice_it_is_the_same_to_the_last_byte(tmp_path: Path) -> None:
    it = source(REPOSITORY, "lambdas.retention_roller")
    first = package(REPOSITORY, it, tmp_path / "a", installing=small)
    for file in (tmp_path / "a" / "retention_roller").rglob("*.py"):
        os.utime(file, (1, 1))
        file.chmod(0o600)
    again = package(REPOSITORY, it, tmp_path / "b", installing=small)
    assert first.sha256 == again.sha256 == archive(tmp_path / "a" / "retention_roller", first.path).sha256
    assert first.path.read_bytes() == again.path.read_bytes()


def test_it_holds_the_handler_and_what_it_imports_and_nothing_that_differs_by_machine(tmp_path: Path) -> None:
    it = source(REPOSITORY, "lambdas.retention_roller")
    made = package(REPOSITORY, it, tmp_path, installing=small)
    with zipfile.ZipFile(made.path) as opened:
        names = opened.namelist()
        assert {entry.external_attr >> 16 for entry in opened.infolist()} == {0o644}
        assert (
            opened.read("lambdas/retention_roller.py")
            == (REPOSITORY / "lambdas" / "retention_roller.py").read_bytes()
        )
    assert names == sorted(names)
    assert set(names) == {file.as_posix() for file in it.files} | {
        "some/__init__.py",
        "some-1.dist-info/METADATA",
    }
    assert (tmp_path / "retention_roller" / "lambdas" / "retention_roller.py").exists()


def test_what_is_too_large_is_refused_and_says_of_what_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "LARGEST", 1000)
    it = source(REPOSITORY, "lambdas.retention_roller")
    with pytest.raises(PackageError, match=r"retention_roller: .* unzipped, .* largest parts are transforms"):
        package(REPOSITORY, it, tmp_path, installing=small)


def test_what_a_former_package_left_is_gone(tmp_path: Path) -> None:
    it = source(REPOSITORY, "lambdas.retention_roller")
    (tmp_path / "retention_roller").mkdir()
    (tmp_path / "retention_roller" / "former.py").write_text("")
    made = package(REPOSITORY, it, tmp_path, installing=small)
    assert "former.py" not in zipfile.ZipFile(made.path).namelist()


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, subprocess.CompletedProcess[str]]:
    """By function: its import by a Python that finds its package, and nothing else of ours or of others."""
    probe = (
        "import importlib, json, os, sys; sys.path.append(os.environ['PACKAGE']); "
        "importlib.import_module(sys.argv[1]); "
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    started = {}
    for name, module in FUNCTIONS.items():
        folder = tmp_path_factory.mktemp(name) / "package"
        it = source(REPOSITORY, module)
        from_here(REPOSITORY, locked(REPOSITORY, it.packages), folder)
        for file in it.files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(REPOSITORY / file, folder / file)
        started[name] = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", probe, module],
            env={
                "PACKAGE": str(folder),
                "AWS_DEFAULT_REGION": "us-east-1",
                "POWERTOOLS_METRICS_NAMESPACE": "x",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    return {
        name: subprocess.CompletedProcess(name, process.wait(60), *process.communicate())
        for name, process in started.items()
    }


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_handler_imports_where_only_its_own_package_is(
    name: str, imported: dict[str, subprocess.CompletedProcess[str]]
) -> None:
    assert imported[name].returncode == 0, imported[name].stderr
    loaded = set(json.loads(imported[name].stdout))
    assert "lambdas" in loaded
    assert not loaded & HEAVY
