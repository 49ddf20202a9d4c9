"""A school is gone with its keys, and the other one is as before."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from adapters.pseudonym_keys import key_versions
from pipelines.erasure import run
from pipelines.erasure.run import NothingFoundError
from pipelines.erasure.subject import whole_school
from tests.pipelines.erasure.conftest import ANA, BEN, NOW, OTHER_MART

pytestmark = pytest.mark.service


@pytest.mark.slow
def test_a_school_is_gone_with_its_keys_and_the_other_is_as_before(world: Any) -> None:
    other = world.key(ANA, "school_2")
    world.erase(who=BEN)  # so that there are tombstones too
    run.erase(whole_school("school_1"), now=NOW, reason="the contract has ended", settle=0)
    assert world.holding(*world.secrets(), world.key(BEN)) == set()
    assert not any("school_1" in pk or "school_1" in sk for pk, sk in world.items())
    assert [each.version for each in key_versions("school_1")] == []
    assert boto3.client("ssm").get_parameters_by_path(Path="/luca/tombstone-keys")["Parameters"] == []
    assert world.lake_students() == [other]
    assert OTHER_MART in world.holding(other)
    assert {values[3] for values in partitions()} == {"school_2"}
    assert [each.version for each in key_versions("school_2")] == [1, 2]
    assert len(world.queued(world.platform.queue)) == 1
    with pytest.raises(NothingFoundError):
        run.erase(whole_school("school_1"), now=NOW, reason="again", settle=0)


def partitions() -> list[list[str]]:
    found = boto3.client("glue").get_partitions(DatabaseName="luca_lake", TableName="behavior_events")
    return [partition["Values"] for partition in found["Partitions"]]
