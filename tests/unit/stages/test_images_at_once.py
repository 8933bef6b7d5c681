"""Several threads, each with an image of its own, make the bytes that one thread makes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chain import CAM, REFINEMENT, Chain, causal
from whole_store import make_store

from conta_core.stages.extract_cams import extract_cams
from conta_core.stages.measure_objects import measure_objects
from conta_core.stages.predict_logits import predict_logits
from conta_core.stages.predict_train_masks import predict_train_masks
from conta_core.stages.refine_cams import refine_cams

THREADS = 6


@pytest.mark.parametrize(
    ("stage", "store", "round_index"),
    [
        (extract_cams, "cams.h5", 0),
        # every thread's M goes through the same block
        (extract_cams, "cams.h5", 1),
        (refine_cams, "refined.h5", 0),
        (predict_train_masks, "train_masks.h5", 0),
        (predict_logits, "logits.h5", 0),
        (measure_objects, "objects.h5", 0),
    ],
)
def test_same_bytes(
    chain: Chain, tmp_path: Path, stage: Callable[..., None], store: str, round_index: int
) -> None:
    inputs: dict[Any, dict[str, Any]] = {
        extract_cams: {
            "model": chain.path("cam.safetensors", round_index),
            "causal": causal(context=chain.path("context.h5") if round_index else None),
            "settings": CAM,
        },
        refine_cams: {
            "model": chain.path("irn.safetensors"),
            "cams": chain.path("cams.h5"),
            "settings": REFINEMENT,
        },
        predict_train_masks: {"model": chain.path("deeplab.safetensors")},
        predict_logits: {"model": chain.path("deeplab.safetensors")},
        measure_objects: {
            "model": chain.path("cam.safetensors"),
            "method": "classifier",
            "pseudo_masks": chain.path("pseudo_masks"),
            "contexts": True,
        },
    }
    if stage is measure_objects:
        chain.measure_objects()
    make_store(
        stage,
        str(tmp_path / store),
        manifest=chain.manifest,
        run=chain.run,
        round_index=round_index,
        threads=THREADS,
        **inputs[stage],
    )
    expected = Path(chain.path(store, round_index)).read_bytes()
    assert (tmp_path / store).read_bytes() == expected
