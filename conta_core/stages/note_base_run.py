"""note_base_run: whose data set and round 0 a run goes on from, for who has no config."""

from __future__ import annotations

from conta_core.workflow.base_run import write_start


def note_base_run(*, output: str, run: str, start_from: str | None) -> None:
    """Write the note of a run.

    Args:
        output: path of start.json.
        run: name of the run.
        start_from: name of the other; None: the run makes its own round 0.
    """
    write_start(output, run, start_from)
