"""Time that goes backwards: files that are older than what they were made from, or of tomorrow."""

from __future__ import annotations

import os
import time

from bench import ERROR, RIGHT, Bench, Tally

HOUR = 3600.0
#: from what Snakemake says of an output that is older than its input
CLOCK = "system level"
FILES = (
    "dataset.json",
    "round-0/cam/model.safetensors",
    "round-0/cam/cams.h5",
    "round-0/segmentation/model.safetensors",
    "round-0/context/context.h5",
    "round-1/irn/labels.h5",
    "round-1/scores/cam.json",
)


def backwards(bench: Bench) -> Tally:
    """One file an hour too old, or an hour in the future.

    What would be made from a file of the future is older than it: Snakemake says so and stops.
    With the file's time set right, by ``touch``, it goes on.
    """
    tally = Tally("time goes backwards", "a result's time set an hour back, or an hour ahead")
    for name in FILES:
        for shift in (-HOUR, HOUR):
            workflow = bench.copy("clock")
            path = workflow.directory / "results" / "conta" / name
            moment = time.time() + shift
            os.utime(path, (moment, moment))
            done = bench.run(workflow)
            if done.returncode == 0:
                tally.add(*bench.compare(workflow))
                continue
            outcome, note = bench.judge_error(done, CLOCK, path.name)
            if outcome == ERROR:
                os.utime(path)
                after, differing = bench.judge(workflow)
                outcome, note = (outcome, note) if after == RIGHT else (after, differing)
            tally.add(outcome, f"{name}, {shift:+.0f} s: {note}")
    return tally
