from __future__ import annotations

import json

import pytest

from pipelines.trends.commands import THEN
from tests.dbt import cloud

pytestmark = pytest.mark.local


def test_the_unit_tests_of_the_models_pass(lake, work):
    done = cloud.dbt(work, "run", "--empty", THEN, "test", "--select", "test_type:unit")

    assert done.returncode == 0, done.stdout
    results = json.loads((work / "run_results.json").read_text())["results"]
    assert {result["status"] for result in results} == {"pass"}
    assert len(results) >= 7
