"""What TensorBoard shows of each training, and that showing it changes no bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from chain import CAM, IRN, SEGMENTATION, Chain, causal
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from conta_core.data.manifest import Manifest
from conta_core.images.masks import voc_palette
from conta_core.settings.seam import SeamSettings
from conta_core.stages.train_irn import train_irn
from conta_core.training import previews
from conta_core.training.files import NO_FILES, TrainingFiles

LEARNING = CAM.model_copy(update={"batch_norm": "trained", "epochs": 2})


def cam(chain: Chain, output: Path, files: TrainingFiles, **change: Any) -> None:
    settings = CAM.model_copy(update={"epochs": 2})
    chain.train_cam(output=str(output), files=files, **{"settings": settings, **change})


def learning_norms(chain: Chain, output: Path, files: TrainingFiles) -> None:
    cam(chain, output, files, settings=LEARNING)


def cam_with_context(chain: Chain, output: Path, files: TrainingFiles) -> None:
    cam(chain, output, files, causal=causal(context=chain.path("context.h5")), round_index=1)


def seam(chain: Chain, output: Path, files: TrainingFiles) -> None:
    values = CAM.model_dump(exclude={"method"})
    cam(chain, output, files, settings=SeamSettings(**{**values, "epochs": 2}))


def deeplab(chain: Chain, output: Path, files: TrainingFiles) -> None:
    chain.train_deeplab(
        output=str(output),
        settings=SEGMENTATION.model_copy(update={"epochs": 2}),
        files=files,
    )


def irn(chain: Chain, output: Path, files: TrainingFiles) -> None:
    train_irn(
        manifest=chain.manifest,
        labels=chain.path("labels.h5"),
        output=str(output),
        settings=IRN,
        seed=0,
        round_index=0,
        threads=1,
        files=files,
    )


def shown(folder: Path) -> dict[str, list[np.ndarray]]:
    """name -> the pictures, RGB, one an epoch."""
    events = EventAccumulator(str(folder), size_guidance={"images": 0})
    events.Reload()

    def decoded(content: bytes) -> np.ndarray:
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)

    return {
        tag: [decoded(image.encoded_image_string) for image in events.Images(tag)]
        for tag in events.Tags()["images"]
    }


@pytest.mark.parametrize("train", [cam, learning_norms, cam_with_context, seam, deeplab, irn])
def test_the_same_bits(
    train: Callable[..., None], chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previews, "SHARE", 1e9)
    train(chain, tmp_path / "with", TrainingFiles(tensorboard=str(tmp_path / "board")))
    train(chain, tmp_path / "without", NO_FILES)
    assert (tmp_path / "with").read_bytes() == (tmp_path / "without").read_bytes()
    found = shown(tmp_path / "board")
    data = Manifest.load(chain.manifest)
    kind = {"deeplab": "masks", "irn": "edges"}.get(train.__name__, "CAMs")
    assert len(found) == previews.SHOWN
    for name, pictures in found.items():
        prefix, image_id = name.split("/")
        assert prefix == kind
        assert len(pictures) == 2
        side = pictures[0].shape[0]
        panels = 1 + (len(data.images[image_id].tags) if kind == "CAMs" else 2)
        assert pictures[0].shape == (side, side * panels, 3)


def test_masks_are_in_the_palette(
    chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deeplab(chain, tmp_path / "model", TrainingFiles(tensorboard=str(tmp_path / "board")))
    palette = {tuple(colour) for colour in voc_palette().tolist()}
    for pictures in shown(tmp_path / "board").values():
        side = pictures[-1].shape[0]
        colours = np.unique(pictures[-1][:, side:].reshape(-1, 3), axis=0).tolist()
        assert {tuple(colour) for colour in colours} <= palette


def test_views_of_whole_images(chain: Chain) -> None:
    """The image at the size of a crop, the same each time."""
    from conta_core.training.views import ViewedImages

    data = Manifest.load(chain.manifest)
    ids = data.ids("train")
    images = ViewedImages(data, ids, settings=CAM, seed=(0,), fill=(1, 2, 3))
    first, size = images.whole(2)
    assert size == (CAM.crop, CAM.crop)
    assert first["image"].equal(images.whole(2)[0]["image"])
    assert images.tagged(3) == [0, 2, 4]
    assert images.tagged(100) == list(range(len(ids)))
