from __future__ import annotations

from pathlib import Path

import pytest

from infra.deploy.sources import SourceError, functions, locked, source
from infra.local.children import REPOSITORY
from infra.local.templates import read_template


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_it_follows_imports_of_ours_inside_functions_and_through_packages_too(tmp_path: Path) -> None:
    repository = written(
        tmp_path,
        {
            "lambdas/__init__.py": "",
            "lambdas/f.py": "from transforms import a\ndef g():\n    import adapters.b.c\n",
            "lambdas/other.py": "import nothing_of_ours",
            "transforms/__init__.py": "",
            "transforms/a.py": "import msgspec, json",
            "transforms/unused.py": "",
            "adapters/__init__.py": "from adapters import first",
            "adapters/first.py": "",
            "adapters/b/__init__.py": "",
            "adapters/b/c.py": "import boto3.session",
        },
    )
    found = source(repository, "lambdas.f")
    assert [each.as_posix() for each in found.files] == [
        "adapters/__init__.py",
        "adapters/b/__init__.py",
        "adapters/b/c.py",
        "adapters/first.py",
        "lambdas/__init__.py",
        "lambdas/f.py",
        "transforms/__init__.py",
        "transforms/a.py",
    ]
    assert found.packages == ("boto3", "msgspec")


def test_what_only_a_type_checker_imports_stays_out(tmp_path: Path) -> None:
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas\nelse:\n    import yaml\n"
    repository = written(tmp_path, {"lambdas/__init__.py": "", "lambdas/f.py": text})
    assert source(repository, "lambdas.f").packages == ("pyyaml",)


def test_zones_are_packed_where_they_are_used(tmp_path: Path) -> None:
    repository = written(
        tmp_path, {"lambdas/__init__.py": "", "lambdas/f.py": "from zoneinfo import ZoneInfo"}
    )
    assert source(repository, "lambdas.f").packages == ("tzdata",)


def test_an_import_that_nobody_provides_is_named(tmp_path: Path) -> None:
    repository = written(tmp_path, {"lambdas/__init__.py": "", "lambdas/f.py": "import no_such_package"})
    with pytest.raises(SourceError, match=r"lambdas\.f imports 'no_such_package'"):
        source(repository, "lambdas.f")


def test_a_handler_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"lambdas\.f: no such module"):
        source(written(tmp_path, {"lambdas/__init__.py": ""}), "lambdas.f")


def test_the_lock_gives_what_is_needed_with_the_extras_that_we_ask_for() -> None:
    found = locked(REPOSITORY, ("aws-lambda-powertools",))
    assert {"aws-lambda-powertools", "aws-xray-sdk", "botocore", "jmespath"} <= found
    assert "pandas" not in found


def test_what_the_lock_does_not_know_is_refused() -> None:
    with pytest.raises(SourceError, match=r"no-such-package is not in uv\.lock"):
        locked(REPOSITORY, ("no-such-package",))


def test_every_function_of_the_templates_is_found_by_its_module() -> None:
    templates = [read_template(path) for path in sorted((REPOSITORY / "infra").glob("*.yaml"))]
    found = functions(templates)
    assert found["behavior_writer"] == "lambdas.behavior_writer"
    assert sorted(found) == sorted(
        path.stem for path in (REPOSITORY / "lambdas").glob("*.py") if path.stem != "__init__"
    )
