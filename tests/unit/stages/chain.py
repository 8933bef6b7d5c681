"""The learning stages of two rounds in a chain, as small as they can be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from whole_store import make_store

from conta_core.causal.methods import CausalInputs
from conta_core.data.manifest import Manifest
from conta_core.settings import (
    CamSettings,
    ContextSettings,
    DeeplabV2Settings,
    IrnRefinementSettings,
    IrnSettings,
    LabelCrfSettings,
    PseudoMaskSettings,
)
from conta_core.stages.build_confounders import build_confounders
from conta_core.stages.deconfound import deconfound
from conta_core.stages.extract_cams import extract_cams
from conta_core.stages.make_irn_labels import make_irn_labels
from conta_core.stages.make_pseudo_masks import make_pseudo_masks
from conta_core.stages.measure_objects import measure_objects
from conta_core.stages.predict_logits import predict_logits
from conta_core.stages.predict_train_masks import predict_train_masks
from conta_core.stages.refine_cams import refine_cams
from conta_core.stages.train_cam import train_cam
from conta_core.stages.train_deeplab import train_deeplab
from conta_core.stages.train_irn import train_irn
from conta_core.storage.stores.reader import StoreReader

SIDE = 64
BACKBONE: dict[str, Any] = {
    "backbone": "efficientnet_lite0_stage5",
    "weights": "imagenet",
    "output_stride": 8,
}
CAM = CamSettings(
    **BACKBONE,
    frozen_blocks=3,
    epochs=5,
    batch_size=4,
    learning_rate=0.01,
    resize=(48, 64),
    crop=48,
    views=2,
    scales=(1.0, 0.5),
)
LABEL_CRF = LabelCrfSettings(iterations=1)
IRN = IrnSettings(
    **BACKBONE,
    label_crf=LABEL_CRF,
    radius=3,
    epochs=2,
    batch_size=4,
    resize=(48, 64),
    crop=48,
    views=1,
)
REFINEMENT = IrnRefinementSettings(radius=3, beta=8.0, steps=16)
SEGMENTATION = DeeplabV2Settings(
    **BACKBONE,
    frozen_blocks=4,
    aspp_rates=(1, 2),
    scales=(0.5,),
    epochs=10,
    batch_size=4,
    class_balanced=True,
    resize=(64, 64),
    crop=64,
    views=1,
)
CONTEXT = ContextSettings(method="conta", size=(6, 5), steps=20)
NO_METHOD = CausalInputs(ContextSettings(method="none"), {})


def causal(settings: ContextSettings | None = None, **files: str | None) -> CausalInputs:
    """What a stage takes of a method, by default of conta where there are files, else of none."""
    there = {name: path for name, path in files.items() if path is not None}
    reads = there.keys() & {"context", "confounders"}
    return CausalInputs(settings or (CONTEXT if reads else NO_METHOD.settings), there)


class Chain:
    """The files of one run, and a call for each stage."""

    def __init__(self, folder: Path, manifest: str, run: str = "conta", seed: int = 0) -> None:
        self.folder, self.manifest, self.run, self.seed = folder, manifest, run, seed

    def path(self, name: str, round_index: int = 0) -> str:
        path = self.folder / f"round-{round_index}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return str(path)

    def train_cam(
        self, name: str = "cam.safetensors", *, round_index: int = 0, **change: Any
    ) -> None:
        options: dict[str, Any] = {
            "manifest": self.manifest,
            "causal": NO_METHOD,
            "output": self.path(name, round_index),
            "settings": CAM,
            "seed": self.seed,
            "round_index": round_index,
            "threads": 1,
        }
        train_cam(**{**options, **change})

    def extract_cams(self, round_index: int = 0, context: str | None = None) -> None:
        make_store(
            extract_cams,
            self.path("cams.h5", round_index),
            manifest=self.manifest,
            model=self.path("cam.safetensors", round_index),
            causal=causal(context=context),
            settings=CAM,
            run=self.run,
            round_index=round_index,
            threads=1,
        )

    def expand(self) -> None:
        """IR labels, the IRN, the walk and the pseudo-masks."""
        make_store(
            make_irn_labels,
            self.path("labels.h5"),
            manifest=self.manifest,
            cams=self.path("cams.h5"),
            settings=IRN,
            run=self.run,
            round_index=0,
            workers=1,
        )
        train_irn(
            manifest=self.manifest,
            labels=self.path("labels.h5"),
            output=self.path("irn.safetensors"),
            settings=IRN,
            seed=self.seed,
            round_index=0,
            threads=1,
        )
        make_store(
            refine_cams,
            self.path("refined.h5"),
            manifest=self.manifest,
            model=self.path("irn.safetensors"),
            cams=self.path("cams.h5"),
            settings=REFINEMENT,
            run=self.run,
            round_index=0,
            threads=1,
        )
        self.make_pseudo_masks()

    def make_pseudo_masks(self, **change: Any) -> None:
        options: dict[str, Any] = {
            "manifest": self.manifest,
            "refined": self.path("refined.h5"),
            "first_refined": None,
            "output": self.path("pseudo_masks"),
            "settings": PseudoMaskSettings(crf=False),
            "area_filter": None,
            "workers": 1,
        }
        make_pseudo_masks(**{**options, **change})

    def train_deeplab(self, round_index: int = 0, **change: Any) -> None:
        options: dict[str, Any] = {
            "manifest": self.manifest,
            "pseudo_masks": self.path("pseudo_masks"),
            "causal": NO_METHOD,
            "output": self.path("deeplab.safetensors", round_index),
            "settings": SEGMENTATION,
            "seed": self.seed,
            "round_index": round_index,
            "threads": 1,
        }
        train_deeplab(**{**options, **change})

    def measure_objects(self, **change: Any) -> None:
        options: dict[str, Any] = {
            "manifest": self.manifest,
            "model": self.path("cam.safetensors"),
            "method": "classifier",
            "pseudo_masks": self.path("pseudo_masks"),
            "contexts": True,
            "run": self.run,
            "round_index": 0,
            "threads": 1,
        }
        make_store(measure_objects, self.path("objects.h5"), **{**options, **change})

    def segment(self) -> None:
        """DeepLab and its predictions of both lists."""
        self.train_deeplab()
        for stage, name in ((predict_logits, "logits.h5"), (predict_train_masks, "train_masks.h5")):
            make_store(
                stage,
                self.path(name),
                manifest=self.manifest,
                model=self.path("deeplab.safetensors"),
                run=self.run,
                round_index=0,
                threads=1,
            )

    def causal_step(self) -> None:
        """The confounder set and M."""
        build_confounders(
            manifest=self.manifest,
            masks=self.path("train_masks.h5"),
            output=self.path("confounders.h5"),
            settings=CONTEXT,
            run=self.run,
            round_index=0,
        )
        deconfound(
            manifest=self.manifest,
            confounders=self.path("confounders.h5"),
            train_masks=self.path("train_masks.h5"),
            logits=self.path("logits.h5"),
            output=self.path("context.h5"),
            settings=CONTEXT,
            seed=self.seed,
            run=self.run,
            round_index=0,
            threads=1,
        )

    def all(self) -> Chain:
        self.train_cam()
        self.extract_cams()
        self.expand()
        self.segment()
        self.causal_step()
        context = self.path("context.h5")
        self.train_cam(round_index=1, causal=causal(context=context))
        self.extract_cams(1, context)
        return self


def opened(chain: Chain, name: str, kind: str, ids: list[str], round_index: int = 0) -> StoreReader:
    data = Manifest.load(chain.manifest)
    store = StoreReader(chain.path(name, round_index), kind, ids, data.classes)
    assert (store.run, store.round) == ("conta", round_index)
    assert store.image_ids == sorted(ids)
    assert all(store.size(i) == (SIDE, SIDE) for i in ids)
    return store


def require(array: np.ndarray, dtype: type, shape: tuple[int, ...]) -> None:
    assert (array.dtype, array.shape) == (dtype, shape)
    assert np.isfinite(array).all()
