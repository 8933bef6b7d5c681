"""Every variant that is trained goes on to the same bits after it was stopped."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from chain import CAM, SEGMENTATION, Chain, causal
from safetensors.torch import load_file
from whole_store import make_store

from conta_core.data.manifest import Manifest
from conta_core.settings.cam import RecamSettings, TrainedSeedSettings
from conta_core.settings.choices import SEGMENTATION_NETWORKS
from conta_core.settings.seam import SeamSettings
from conta_core.stages.extract_cams import extract_cams
from conta_core.stages.train_recam import train_recam
from conta_core.storage.stores.reader import StoreReader
from conta_core.training import engine
from conta_core.training.files import NO_FILES, TrainingFiles

#: a network of each kind that works otherwise than a ResNet
BACKBONES = {
    "plain transformer": {"backbone": "timm:vit_tiny_patch16_224", "output_stride": 16},
    "levels of a transformer": {"backbone": "timm:pvt_v2_b0", "output_stride": 32},
    "padded": {"backbone": "timm:convnext_atto", "output_stride": 32},
}
SHARED = CAM.model_dump(exclude={"method"})
SEAM = SeamSettings(**{**SHARED, "epochs": 2})
RECAM = RecamSettings(**SHARED, recam_epochs=3, recam_learning_rate=0.01, recam_weight=0.5)


def recam(chain: Chain, output: str, files: TrainingFiles, round_index: int) -> None:
    context = chain.path("context.h5") if round_index else None
    train_recam(
        manifest=chain.manifest,
        classifier=chain.path("cam.safetensors", round_index),
        causal=causal(context=context),
        output=output,
        settings=RECAM,
        seed=0,
        round_index=round_index,
        threads=1,
        files=files,
    )


def classifier(
    chain: Chain, output: str, files: TrainingFiles, round_index: int, **change: Any
) -> None:
    settings = CAM.model_copy(update={"weights": "none", "epochs": 2, **change})
    context = chain.path("context.h5") if round_index else None
    chain.train_cam(
        output=output,
        settings=settings,
        files=files,
        round_index=round_index,
        causal=causal(context=context),
    )


def seam(chain: Chain, output: str, files: TrainingFiles, round_index: int, **change: Any) -> None:
    context = chain.path("context.h5") if round_index else None
    chain.train_cam(
        output=output,
        settings=SEAM.model_copy(update=change),
        files=files,
        round_index=round_index,
        causal=causal(context=context),
    )


def segmentation(
    chain: Chain, output: str, files: TrainingFiles, round_index: int, network: str
) -> None:
    kind = SEGMENTATION_NETWORKS[network].load_settings()
    given = {k: v for k, v in SEGMENTATION.model_dump().items() if k in kind.model_fields}
    width = {"head_channels": 16} if "head_channels" in kind.model_fields else {}
    settings = kind(**{**given, "network": network, "epochs": 2, "frozen_blocks": 3, **width})
    chain.train_deeplab(output=output, settings=settings, files=files, round_index=round_index)


TRAININGS: dict[str, Callable[..., None]] = {
    "recam": recam,
    "seam": lambda *given: seam(*given, views=0),
    "seam, cached": seam,
    "seam, float16": lambda *given: seam(*given, precision="float16", batch_norm="trained"),
    "seam, padded": lambda *given: seam(*given, weights="none", **BACKBONES["padded"]),
    **{
        f"classifier, {name}": lambda *given, change=change: classifier(
            *given, views=0, frozen_blocks=0, **change
        )
        for name, change in BACKBONES.items()
    },
    **{
        f"classifier, {name}, cached": lambda *given, change=change: classifier(
            *given, views=2, frozen_blocks=3, **change
        )
        for name, change in BACKBONES.items()
    },
    **{
        network: lambda *given, network=network: segmentation(*given, network)
        for network in SEGMENTATION_NETWORKS
    },
}


@pytest.mark.parametrize("name", TRAININGS)
@pytest.mark.parametrize("round_index", [0, 1])
def test_stopped_and_resumed(
    chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, round_index: int
) -> None:
    """In round 1 the classifiers read M."""
    if round_index and name in SEGMENTATION_NETWORKS:
        pytest.skip("a segmentation model reads no M")
    train = TRAININGS[name]
    whole, resumed = tmp_path / "whole.safetensors", tmp_path / "resumed.safetensors"
    train(chain, str(whole), NO_FILES, round_index)
    files = TrainingFiles(checkpoint=str(tmp_path / "state.pt"))
    with monkeypatch.context() as patch:
        terminate_after(patch, 2)
        with pytest.raises(SystemExit):
            train(chain, str(resumed), files, round_index)
    assert not resumed.exists()
    train(chain, str(resumed), files, round_index)
    assert resumed.read_bytes() == whole.read_bytes()


def terminate_after(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """Let SIGTERM come in a step."""
    update = engine._Loop._backward
    count = 0

    def counting(self: Any, *given: Any) -> Any:
        nonlocal count
        count += 1
        if count == steps:
            os.kill(os.getpid(), signal.SIGTERM)
        return update(self, *given)

    monkeypatch.setattr(engine._Loop, "_backward", counting)


def extract(
    chain: Chain, model: Path, store: Path, settings: TrainedSeedSettings, round_index: int
) -> None:
    make_store(
        extract_cams,
        str(store),
        manifest=chain.manifest,
        model=str(model),
        causal=causal(context=chain.path("context.h5") if round_index else None),
        settings=settings,
        run="conta",
        round_index=round_index,
        threads=1,
    )


@pytest.mark.parametrize("round_index", [0, 1])
def test_recam_gives_cams(chain: Chain, data: Manifest, tmp_path: Path, round_index: int) -> None:
    model, store = tmp_path / "recam.safetensors", tmp_path / "cams.h5"
    recam(chain, str(model), NO_FILES, round_index)
    extract(chain, model, store, RECAM, round_index)
    with (
        StoreReader(store, "cams") as found,
        StoreReader(chain.path("cams.h5", round_index), "cams") as plain,
    ):
        ids = [i for i in data.ids("train") if data.images[i].tags]
        other = [(found.read(i, "cam") != plain.read(i, "cam")).any() for i in ids]
        assert all(other)
        for image_id in ids:
            assert 0 <= found.read(image_id, "cam").min() <= found.read(image_id, "cam").max() <= 1
            assert found.read(image_id, "probability").shape == (6,)


@pytest.mark.parametrize("round_index", [0, 1])
def test_seam_gives_cams(chain: Chain, data: Manifest, tmp_path: Path, round_index: int) -> None:
    model, store = tmp_path / "seam.safetensors", tmp_path / "cams.h5"
    seam(chain, str(model), NO_FILES, round_index)
    extract(chain, model, store, SEAM, round_index)
    with StoreReader(store, "cams") as found:
        for image_id in data.ids("train", "val"):
            count = len(data.tag_indices(image_id))
            cam, high_res = (found.read(image_id, name) for name in ("cam", "high_res"))
            assert (cam.dtype, cam.shape) == (np.float32, (count, 16, 16))
            assert (high_res.dtype, high_res.shape) == (np.float16, (count, 64, 64))
            assert found.read(image_id, "probability").shape == (6,)
            for maps in (cam, high_res):
                assert maps.min() == 0
                np.testing.assert_allclose(maps.max(axis=(1, 2)), 1, atol=2e-3)


def test_seam_in_two_processes(chain: Chain, tmp_path: Path) -> None:
    """Without the dropout, which each process draws for itself."""
    settings = SEAM.model_copy(update={"epochs": 1, "dropout": 0.0})
    for count in (1, 2):
        chain.train_cam(output=str(tmp_path / str(count)), settings=settings, processes=count)
    one, two = (load_file(tmp_path / name) for name in ("1", "2"))
    for name, expected in one.items():
        torch.testing.assert_close(two[name], expected, rtol=1e-3, atol=1e-5, msg=name)
