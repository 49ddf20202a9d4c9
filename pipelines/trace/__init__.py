"""Where one event is: from the queue at the edge to its row of the lake, and why it stopped."""

from __future__ import annotations

from pipelines.trace.sightings import Sighting, Station
from pipelines.trace.trace import NoTraceIdError, trace
from pipelines.trace.verdict import Verdict, verdict

__all__ = ["NoTraceIdError", "Sighting", "Station", "Verdict", "trace", "verdict"]
