"""A load as a table of Athena, a partition for each of its shards, from its judging to its end."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from adapters import lake
from adapters.lake import LandingFile
from adapters.leases import Lease
from adapters.settings import setting
from transforms.lake_schema import LakeTable


@dataclass(frozen=True, slots=True)
class LoadTable:
    """The table whose rows are a load's, and what is kept beside its manifests.

    Attributes:
        load_id: The load.
        lake_table: Its lake table.
        lease: Of the lake table; asked before each write, which raises `LeaseLostError`.
    """

    load_id: str
    lake_table: LakeTable
    lease: Lease

    @property
    def name(self) -> str:
        """Qualified, for queries."""
        return f"{setting('LANDING_DATABASE')}.{self._name}"

    def make(self, shards: Sequence[Sequence[LandingFile]]) -> None:
        """Makes the table.

        Args:
            shards: The load's files that can be trusted, by shard.
        """
        self.lease.check()
        keys = [[file.key for file in files] for files in shards]
        lake.make_shard_table(self._name, self.lake_table.columns, f"{self._folder}manifest/", keys)

    def is_there(self) -> bool:
        """Whether the table is made and not dropped."""
        return lake.has_manifest_table(self._name)

    def drop(self) -> None:
        """Drops the table, if it is there."""
        self.lease.check()
        lake.drop_manifest_table(self._name)

    def keep_copies(self, found: pa.Table) -> None:
        """Keeps which identities stand in several shards, as of `pipelines.load.gate.Gate.copies`."""
        body = io.BytesIO()
        pq.write_table(found, body, compression="zstd")
        self.lease.check()
        lake.write(setting("LANDING_BUCKET"), self._copies, body.getvalue())

    def copies_before(self, shard: int) -> pa.Table:
        """The kept identities that stand in a shard before this one: strings `school_id`, `identity`."""
        found = pq.read_table(io.BytesIO(lake.read(setting("LANDING_BUCKET"), self._copies)))
        earlier = pc.less(found["first"].cast(pa.int32()), pa.scalar(shard, pa.int32()))
        return found.filter(earlier).drop_columns(["first"])

    @property
    def _name(self) -> str:
        return f"load_{self.load_id}"

    @property
    def _folder(self) -> str:
        return f"loads/{self.load_id}/"

    @property
    def _copies(self) -> str:
        return f"{self._folder}copies.parquet"
