"""The trends' two containers: each is given what its command reads and no other."""

from __future__ import annotations

from pipelines.trends.run import SETTINGS
from tests.infra import reachable
from tests.infra.tasks import container, environment


def given(family: str) -> set[str]:
    return {name for name in environment(family) if name.startswith("LUCA_")}


def test_dbt_is_given_what_a_run_asks_for() -> None:
    assert given("luca-trends") == {f"LUCA_{name}" for name in SETTINGS}
    assert "--no-profiles" in container("luca-trends")["Command"]


def test_the_way_back_is_given_what_it_reads() -> None:
    assert given("luca-profiles") == reachable.settings(("pipelines.cli.profiles", "publish"))
