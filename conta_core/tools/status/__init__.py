"""How far a run is, from its files alone."""

from conta_core.tools.status.run_status import RunStatus, read_status

__all__ = ["RunStatus", "read_status"]
