"""Erasures on the local cloud, by processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from adapters import erasures
from adapters.pseudonym_keys import create_key
from adapters.table import put_school, put_students
from tests.assumed_role import forget_clients
from tests.recorded_calls import local_cloud
from transforms.keys import StudentKey
from transforms.schools import School
from transforms.students import Student

pytestmark = [pytest.mark.e2e, pytest.mark.local, pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
SCHOOL, LEAVER, STAYER = "school_1", "leaver_zq_1", "stayer_zq_2"


def test_of_two_processes_that_erase_one_student_one_does_it_and_the_other_says_why_not(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with local_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        for name, value in cloud.environment.items():
            monkeypatch.setenv(name, value)
        forget_clients()
        put_school(School(SCHOOL, "UTC"))
        put_students([Student(StudentKey(SCHOOL, name), 2030) for name in (LEAVER, STAYER)])
        create_key(SCHOOL)
        erase = [sys.executable, "-m", "pipelines.cli", "erase", "--school", SCHOOL, "--student", LEAVER]
        # Longer than two beats of the lease, so that who comes second sees it alive.
        both = [
            subprocess.Popen(
                [*erase, "--apply", "--settle", "12"],
                cwd=ROOT,
                env={**os.environ, "COLUMNS": "200"},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for _ in range(2)
        ]
        told = {process.communicate(timeout=200)[0]: process.returncode for process in both}
        (done,) = [text for text, code in told.items() if code == 0]
        (refused,) = [text for text, code in told.items() if code != 0]
        assert "2 removed, nothing is left" in done
        assert "erasure/school_1 is held by erasure on" in refused or "nothing found" in refused
        assert erasures.verify() == 1
        items = boto3.client("dynamodb").scan(TableName="luca-platform")["Items"]
        keys = [f"{item['PK']['S']} {item['SK']['S']}" for item in items]
        assert not [key for key in keys if LEAVER in key]
        assert len([key for key in keys if STAYER in key]) == 2
    forget_clients()
