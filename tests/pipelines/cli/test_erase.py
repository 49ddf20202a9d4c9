"""Request files of `luca erase`: all lines are good, or nothing is done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws
from typer.testing import CliRunner

from adapters import pseudonym_keys
from adapters.aws import client
from pipelines.cli import app
from pipelines.cli.erase import RequestError, _subjects
from pipelines.erasure.subject import Subject

pytestmark = pytest.mark.service


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """school_1 has a key, and no other school has."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "LUCA_PSEUDONYM_KEYS": "/luca/pseudonym-keys",
        "LUCA_PSEUDONYM_KEY_ALIAS": "alias/aws/ssm",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client.cache_clear()
        pseudonym_keys._pseudonymizers.clear()
        pseudonym_keys.create_key("school_1")
        yield
    client.cache_clear()


def requested(folder: Path, text: str, encoding: str = "utf-8") -> list[Subject]:
    file = folder / "request.csv"
    file.write_text(text, encoding=encoding)
    return _subjects(None, None, file, whole=False, confirm=None)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_each_student_of_a_file_is_asked_for_once(tmp_path: Path, encoding: str) -> None:
    text = "note,school,student\na,school_1,ana\nb,school_1,ben\nc,school_1,ana\n"
    found = requested(tmp_path, text, encoding)
    assert [(each.school_id, each.student_id) for each in found] == [
        ("school_1", "ana"),
        ("school_1", "ben"),
    ]
    assert len(found[0].pseudonyms | found[1].pseudonyms) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", r"line 1: its columns are none, not school and student: .*name them"),
        ("escuela,alumno\nschool_1,ana\n", r"line 1: its columns are escuela, alumno, not school"),
        ("school,student\n", r"names no student below its first line: nothing was done"),
        ("school,student\nschool_1,ana\nschool_1,a#b\n", r"line 3: student_id 'a#b' .* Nothing was done"),
        ("school,student\nschool_1\n", r"line 2: student_id '' .* mend the line"),
        ("school,student\nschool_9,ana\n", r"line 2: school 'school_9' has no pseudonym key"),
    ],
)
def test_a_bad_file_is_told_by_line_value_and_rule(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(RequestError, match=told):
        requested(tmp_path, text)


def test_a_file_of_another_encoding_or_none_at_all_is_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"byte 27 is no UTF-8: nothing was done; save"):
        requested(tmp_path, "school,student\nschool_1,josé\n", "latin-1")
    done = CliRunner().invoke(app, ["erase", "--request", str(tmp_path / "nowhere.csv")])
    assert done.exit_code == 2
    assert "does not exist" in done.output
