"""Zip files of functions, the same to the last byte whenever the sources and uv.lock are the same."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from infra.deploy.sources import Source, locked

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html says 250 MB unzipped. Ours is
# far below: a function's first start reads what it is made of.
LARGEST = 40 * 1024 * 1024
PLATFORM, PYTHON = "aarch64-manylinux2014", "3.13"  # as the templates' Architectures and Runtime
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first date that a zip file can say
# What an installer writes about itself, and scripts of a shell that Lambda does not have.
_LEFT_OUT = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"}
Install = Callable[[Path, set[str], Path], None]


class PackageError(RuntimeError):
    """A package could not be made, or is not what it must be."""


@dataclass(frozen=True)
class Package:
    """A function's zip file.

    Attributes:
        sha256: Of the file, hex.
        zipped, unzipped: Bytes.
    """

    name: str
    path: Path
    sha256: str
    zipped: int
    unzipped: int


def install(repository: Path, distributions: set[str], target: Path) -> None:
    """Installs the wheels for Lambda that uv.lock names, each checked against its hash there.

    Functions that need the same wheels share one installation, beside the target, by links.

    Raises:
        PackageError: uv refused: a wheel is missing for Lambda's platform, or the lock is out of date.
    """
    lines = [line for line in _exported(repository) if line.split("==")[0] in distributions]
    requirements = "\n".join(lines) + "\n"
    digest = hashlib.sha256(requirements.encode()).hexdigest()[:16]
    installed = target.parent / ".wheels" / digest
    if not installed.exists():
        half = installed.with_suffix(".half")
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(parents=True)
        listed = installed.with_suffix(".txt")
        listed.write_text(requirements, "utf-8")
        options = f"--no-deps --require-hashes --only-binary :all: --python-platform {PLATFORM}"
        _uv(
            repository,
            f"pip install {options} --python-version {PYTHON} --requirement",
            str(listed),
            "--target",
            str(half),
        )
        half.rename(installed)
    shutil.copytree(installed, target, copy_function=os.link)


@cache
def _exported(repository: Path) -> list[str]:
    """Every locked requirement with its marker and hashes, one a line."""
    told = _uv(
        repository,
        "export --locked --no-default-groups --no-emit-project --no-annotate --no-header",
    )
    return told.replace("\\\n", " ").splitlines()


def package(repository: Path, source: Source, out: Path, *, installing: Install = install) -> Package:
    """Makes `{out}/{name}/`, as the template's CodeUri says, and `{out}/{name}.zip`.

    Raises:
        PackageError: It is larger than `LARGEST`, or its packages could not be installed.
    """
    folder = out / source.name
    shutil.rmtree(folder, ignore_errors=True)
    installing(repository, locked(repository, source.packages), folder)
    for file in source.files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(repository / file, folder / file)
    made = archive(folder, out / f"{source.name}.zip")
    if made.unzipped > LARGEST:
        largest = ", ".join(f"{name} {size >> 20} MiB" for name, size in _sizes(folder)[:3])
        raise PackageError(
            f"{source.name}: {made.unzipped >> 20} MiB unzipped, at most {LARGEST >> 20} are ours to use; "
            f"the largest parts are {largest}: keep the handler from importing them"
        )
    return made


def archive(folder: Path, path: Path) -> Package:
    """Zips a folder: names in order, one date, one mode, no bytecode."""
    unzipped = 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for file in sorted(_packed(folder), key=lambda each: each.as_posix()):
            content = (folder / file).read_bytes()
            entry = zipfile.ZipInfo(file.as_posix(), _EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, whatever packs
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
            unzipped += len(content)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Package(folder.name, path, digest, path.stat().st_size, unzipped)


def _packed(folder: Path) -> list[Path]:
    return [
        file
        for path in folder.rglob("*")
        if path.is_file()
        and (file := path.relative_to(folder)).parts[0] != "bin"
        and "__pycache__" not in file.parts
        and not (file.parts[0].endswith(".dist-info") and file.name in _LEFT_OUT)
    ]


def _sizes(folder: Path) -> list[tuple[str, int]]:
    total: dict[str, int] = {}
    for file in _packed(folder):
        total[file.parts[0]] = total.get(file.parts[0], 0) + (folder / file).stat().st_size
    return sorted(total.items(), key=lambda each: -each[1])


def _uv(repository: Path, options: str, *more: str) -> str:
    """Runs uv with options and, unsplit, what follows them."""
    command = [str(Path(sys.executable).with_name("uv")), "--quiet", *options.split(), *more]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PackageError(f"uv {' '.join(command[2:4])} failed: {done.stderr.strip()}")
    return done.stdout
