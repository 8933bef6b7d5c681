"""Time that goes backwards: files that are older than what they were made from, or of tomorrow."""

from __future__ import annotations

import os
import time

from bench import Bench, Tally

HOUR = 3600.0
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
    """One file an hour too old, or an hour in the future."""
    tally = Tally("time goes backwards", "a result's time set an hour back, or an hour ahead")
    for name in FILES:
        for shift in (-HOUR, HOUR):
            workflow = bench.copy("clock")
            path = workflow.directory / "results" / "conta" / name
            moment = time.time() + shift
            os.utime(path, (moment, moment))
            tally.add(*bench.judge(workflow))
    return tally
