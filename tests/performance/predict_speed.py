"""conta predict beside a loop that takes one photograph at a time, in turns, in one process.

    python tests/performance/predict_speed.py MODEL FOLDER [TURNS]

prints, as JSON, the seconds of each turn: of the loop with as many threads as cores a photograph,
of the loop with one thread, and of conta predict with one worker a core. All three write the same
files. Where other work runs on the cores, the least of many turns is the number to look at.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

# as in the workflow's jobs: threads that wait must not spin; it must stand before torch is imported
os.environ.setdefault("GOMP_SPINCOUNT", "20000")

import numpy as np
import torch
from PIL import Image

from conta_core import load_model
from conta_core.images.masks import write_label_png
from conta_core.networks.segmentation import predict
from conta_core.networks.segmentation_output import predicted_labels
from conta_core.runtime.memory import keep_freed_memory
from conta_core.runtime.threads import available_cores
from conta_core.tools.predict.areas import write_areas
from conta_core.tools.predict.overlay import draw_overlay
from conta_core.tools.predict.photographs import Photograph, find_photographs, read_photograph
from conta_core.tools.predict.predict import predict_folder
from conta_core.tools.predict.results import ResultFolder
from conta_core.tools.predict.segmenter import Segmenter


def measure(model: str, folder: str, turns: int) -> dict[str, list[float]]:
    """Seconds of each turn of each way; a turn before the first is not counted."""
    keep_freed_memory()
    photographs = find_photographs([folder], "none")
    segmenter = Segmenter(model)
    network = load_model(model)
    cores = available_cores()
    with tempfile.TemporaryDirectory() as place:
        results = ResultFolder(Path(place), segmenter.class_names)

        def loop(threads: int) -> None:
            torch.set_num_threads(threads)
            one_at_a_time(network, photographs, results)

        def ours() -> None:
            torch.set_num_threads(1)
            predict_folder(segmenter, photographs, results, batch_size=1, workers=cores)

        ways: dict[str, Callable[[], None]] = {
            "loop": lambda: loop(cores),
            "loop_one_thread": lambda: loop(1),
            "predict": ours,
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(turns + 1):
            for name, way in ways.items():
                start = time.perf_counter()
                way()
                seconds[name].append(round(time.perf_counter() - start, 3))
    return {name: values[1:] for name, values in seconds.items()}


def one_at_a_time(
    network: torch.nn.Module, photographs: list[Photograph], results: ResultFolder
) -> None:
    """The loop that one would write: with the workflow's functions, the same files."""
    rows = []
    for photograph in photographs:
        image = read_photograph(photograph.path)
        labels = predicted_labels(predict(network, image), image.shape[:2])
        for path in (results.mask(photograph), results.overlay(photograph)):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_label_png(results.mask(photograph), labels)
        picture = Image.fromarray(draw_overlay(image, labels, results.names))
        picture.save(results.overlay(photograph), "JPEG", quality=90)
        pixels = np.bincount(labels.ravel(), minlength=len(results.names))
        rows.append((str(photograph.path), pixels.tolist()))
    write_areas(results.path / "areas.csv", rows, results.names)


if __name__ == "__main__":
    found = measure(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 3)
    json.dump({**found, "least": {name: min(values) for name, values in found.items()}}, sys.stdout)
