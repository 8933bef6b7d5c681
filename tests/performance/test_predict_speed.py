"""conta predict takes no longer than a loop over one photograph at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from conta_core.networks.segmenters.deeplab_v2 import DeepLab
from conta_core.storage.model_files import save_model

REPOSITORY = Path(__file__).resolve().parents[2]
COUNT, SIZES = 12, ((240, 320), (213, 320), (320, 240))


@pytest.mark.slow
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_no_slower_than_one_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "photographs"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(COUNT):
        coarse = rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)
        pixels = cv2.resize(coarse, SIZES[number % len(SIZES)][::-1])
        Image.fromarray(pixels).save(folder / f"{number}.jpg")
    architecture: dict[str, Any] = {
        "backbone": "efficientnet_lite0_stage5",
        "weights": "none",
        "output_stride": 8,
        "aspp_rates": [1, 2, 4, 6],
        "scales": [0.5],
    }
    torch.manual_seed(0)
    model = tmp_path / "model.safetensors"
    save_model(model, DeepLab(6, **architecture), "deeplab", list("abcdef"), architecture)
    script = str(Path(__file__).with_name("predict_speed.py"))
    done = subprocess.run(
        [sys.executable, "-P", script, str(model), str(folder), "5"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        check=True,
    )
    found = json.loads(done.stdout)
    print(found)
    # 0.8 of the loop's time was seen on two idle cores; what else runs there moves both
    assert found["least"]["predict"] < 1.1 * found["least"]["loop"], found
