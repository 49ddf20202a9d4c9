"""Work groups: where results go, and how much a query may read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class WorkGroup:
    """A work group of Athena.

    Attributes:
        name: Its name.
        output_location: `s3://bucket/prefix/` of its results.
        enforce: Whether its location overrides the client's, and forbids `external_location`.
        bytes_scanned_cutoff: Bytes that one query may read; None for no limit.
    """

    name: str
    output_location: str
    enforce: bool
    bytes_scanned_cutoff: int | None = None

    @property
    def configuration(self) -> dict[str, Any]:
        """The group as GetWorkGroup shows it."""
        shown: dict[str, Any] = {
            "EnforceWorkGroupConfiguration": self.enforce,
            "PublishCloudWatchMetricsEnabled": False,
            "RequesterPaysEnabled": False,
            "ResultConfiguration": {"OutputLocation": self.output_location} if self.output_location else {},
            "EngineVersion": {
                "SelectedEngineVersion": "AUTO",
                "EffectiveEngineVersion": "Athena engine version 3",
            },
        }
        if self.bytes_scanned_cutoff is not None:
            shown["BytesScannedCutoffPerQuery"] = self.bytes_scanned_cutoff
        return shown
