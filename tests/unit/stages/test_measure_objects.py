from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chain import CAM, Chain, causal, opened, require
from whole_store import make_store

from conta_core.causal.intervention.context_features import context_features
from conta_core.causal.intervention.occlusion import score_drops
from conta_core.causal.intervention.ownership import read_taken
from conta_core.causal.intervention.propensity import read_weights
from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.images.masks import read_label_png
from conta_core.images.photographs import read_image
from conta_core.networks.cam_net import build_cam_net
from conta_core.networks.loading import load_network
from conta_core.settings import ContextSettings, InterventionSettings
from conta_core.stages import train_classifier as train_classifier_module
from conta_core.stages.measure_objects import measure_objects
from conta_core.storage.stores.writer import write_store


def test_every_tag_of_the_training_list(chain: Chain, data: Manifest) -> None:
    chain.measure_objects()
    model = load_network(chain.path("cam.safetensors"), "cam", build_cam_net, data.classes)
    shown = 0
    with opened(chain, "objects.h5", "objects", data.ids("train")) as store:
        for image_id in data.ids("train"):
            keys = data.tag_indices(image_id)
            drop = store.read(image_id, "drop")
            require(drop, np.float32, (len(keys), len(keys)))
            assert np.array_equal(store.read(image_id, "keys"), keys)
            mask = read_label_png(Path(chain.path("pseudo_masks")) / f"{image_id}.png")
            image = read_image(data.images[image_id].image)
            assert np.array_equal(drop, score_drops(model, image, mask, keys))
            context = store.read(image_id, "context")
            require(context, np.float32, (model.backbone.channels[-1],))
            assert np.array_equal(context, context_features(model, image, mask))
            asked = [bool((mask == key + 1).any()) and len(keys) > 1 for key in keys]
            assert drop.any(axis=1).tolist() == asked
            shown += sum(asked)
    assert shown > 3


def test_contexts_that_were_not_asked_for(chain: Chain, data: Manifest, tmp_path: Path) -> None:
    chain.measure_objects(contexts=False)
    ids = data.ids("train")
    with opened(chain, "objects.h5", "objects", ids) as store:
        assert {store.read(image_id, "context").shape for image_id in ids} == {(0,)}
    with pytest.raises(ContaError, match="holds no contexts, expected one of each image"):
        read_weights(chain.path("objects.h5"), data, ids)


def test_a_mask_that_is_not_there(chain: Chain, data: Manifest, tmp_path: Path) -> None:
    masks = shutil.copytree(chain.path("pseudo_masks"), tmp_path / "masks")
    lost = data.ids("train")[1]
    (masks / f"{lost}.png").unlink()
    with pytest.raises(ContaError, match=lost):
        make_store(
            measure_objects,
            str(tmp_path / "objects.h5"),
            manifest=chain.manifest,
            model=chain.path("cam.safetensors"),
            method="classifier",
            pseudo_masks=str(masks),
            contexts=False,
            run=chain.run,
            round_index=0,
            threads=1,
        )


def write_objects(path: Path, data: Manifest, drop: np.ndarray) -> str:
    """A store in which the first tags of every image have these drops."""
    with write_store(
        path, "objects", classes=data.classes, run="r", round_index=0, settings={}
    ) as store:
        for position, image_id in enumerate(data.ids("train")):
            keys = data.tag_indices(image_id)
            own = np.eye(len(keys), dtype=np.float32)
            count = min(len(keys), len(drop))
            own[:count, :count] = drop[:count, :count]
            context = np.array([position, position % 2], np.float32)
            arrays = {"keys": keys, "drop": own, "context": context}
            store.write(image_id, arrays, size=data.images[image_id].size)
    return str(path)


def test_what_is_taken_is_read_by_class(data: Manifest, tmp_path: Path) -> None:
    path = write_objects(tmp_path / "o.h5", data, np.array([[0.0, 1.0], [0.0, 1.0]]))
    found = read_taken(path, data.ids("train"), data.classes)
    several = [i for i in data.ids("train") if len(data.tag_indices(i)) > 1]
    assert several
    assert found == {i: [data.tag_indices(i)[0]] for i in several}


@pytest.mark.parametrize("network", ["classifier", "segmentation model"])
def test_neither_network_is_shown_what_is_taken(
    chain: Chain, data: Manifest, tmp_path: Path, caplog: pytest.LogCaptureFixture, network: str
) -> None:
    objects = write_objects(tmp_path / "o.h5", data, np.array([[0.0, 1.0], [0.0, 1.0]]))
    taken = read_taken(objects, data.ids("train"), data.classes)
    settings = ContextSettings(
        method="intervention", intervention=InterventionSettings(area_filter=None)
    )
    change = {
        "output": str(tmp_path / "model.safetensors"),
        "round_index": 1,
    }
    masks = chain.path("pseudo_masks")
    with caplog.at_level("INFO"):
        if network == "classifier":
            given = causal(settings, pseudo_masks=masks, objects=objects)
            chain.train_cam(**change, causal=given, settings=CAM.model_copy(update={"epochs": 1}))
        else:
            given = causal(settings, objects=objects)
            chain.train_deeplab(**change, pseudo_masks=masks, causal=given)
    there = 0
    for image_id, indices in taken.items():
        mask = read_label_png(Path(chain.path("pseudo_masks")) / f"{image_id}.png")
        there += sum(bool((mask == index + 1).any()) for index in indices)
    assert there
    assert f"{there} of them another tag's" in caplog.text


def balancing(path: str | None, chain: Chain, tmp_path: Path) -> dict[str, Any]:
    """What train_cam takes to balance tags by their contexts."""
    settings = InterventionSettings(area_filter=None, ownership="ignored", balance="propensity")
    context = ContextSettings(method="intervention", intervention=settings)
    return {
        "output": str(tmp_path / "model.safetensors"),
        "round_index": 1,
        "causal": causal(context, pseudo_masks=chain.path("pseudo_masks"), objects=path),
        "settings": CAM.model_copy(update={"epochs": 1}),
    }


def test_real_views_count_by_their_contexts(
    chain: Chain, data: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_objects(tmp_path / "o.h5", data, np.array([[0.0, 1.0], [0.0, 1.0]]))
    weights = read_weights(path, data, data.ids("train"))
    seen: list[Any] = []
    kept = train_classifier_module.ViewedImages

    def noted(*args: Any, **options: Any) -> Any:
        seen.append(kept(*args, **options))
        return seen[-1]

    monkeypatch.setattr(train_classifier_module, "ViewedImages", noted)
    chain.train_cam(**balancing(path, chain, tmp_path))
    (images,) = seen
    real = [
        (image_id, images[index, 0]["counted"].numpy())
        for index, image_id in enumerate(data.ids("train"))
        if images._intervene(image_id, 0) is None
    ]
    assert real
    assert all(np.array_equal(counted, weights[image_id]) for image_id, counted in real)


def test_nothing_to_balance_by(chain: Chain, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="balance is propensity"):
        chain.train_cam(**balancing(None, chain, tmp_path))
