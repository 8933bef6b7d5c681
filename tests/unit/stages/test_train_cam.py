from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from chain import CAM, Chain, causal
from drawn_batches import drawn
from made_predictions import causal_step
from safetensors.torch import load_file
from torch import Tensor

from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.networks.cam_net import CamNet, build_cam_net
from conta_core.networks.loading import load_network
from conta_core.seeds.classifier_training import CamObjective
from conta_core.settings import ContextSettings, InterventionSettings
from conta_core.stages.train_cam import begin_from
from conta_core.storage.model_files import read_metadata
from conta_core.storage.stores.reader import StoreReader
from conta_core.training.frozen_features import Batch


def test_what_learned(chain: Chain, tmp_path: Path) -> None:
    """What is to learn moved, what is frozen did not."""
    chain.train_cam(
        output=str(tmp_path / "still.safetensors"),
        settings=CAM.model_copy(update={"learning_rate": 0.0}),
    )
    before = load_file(tmp_path / "still.safetensors")
    after = load_file(chain.path("cam.safetensors"))
    for key, value in before.items():
        learned = not torch.equal(after[key], value)
        frozen = key.startswith(("backbone.blocks.0", "backbone.blocks.1", "backbone.blocks.2"))
        statistic = key.endswith(("running_mean", "running_var", "num_batches_tracked"))
        assert learned == (not frozen and not statistic), key


@pytest.mark.parametrize("views", [0, 2])
def test_arms_draw_the_same(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, views: int
) -> None:
    """Control and conta: the same initial weights and batches, but for M and its weights."""
    settings = CAM.model_copy(update={"views": views})
    files = {name: tmp_path / f"{name}.safetensors" for name in ("control", "conta")}

    def run(name: str) -> tuple[list[Batch], list[dict[str, Any]]]:
        context = chain.path("context.h5") if name == "conta" else None
        return drawn(
            monkeypatch,
            lambda: chain.train_cam(
                output=str(files[name]),
                round_index=1,
                causal=causal(context=context),
                settings=settings,
            ),
        )

    (control, _), (conta, _) = run("control"), run("conta")
    assert len(control) == len(conta) == 2 * CAM.epochs
    for one, other in zip(control, conta, strict=True):
        assert one.epoch == other.epoch
        assert one.whole == other.whole
        assert torch.equal(one.targets["tags"], other.targets["tags"])
        for a, b in zip(one.features, other.features, strict=True):
            assert torch.equal(a, b)
        assert "context" not in one.targets
        assert other.targets["context"].shape == (4, 1, 6, 6)
    plain, reading = (load_file(files[name]) for name in ("control", "conta"))
    assert set(reading) - set(plain) == {"backbone.context_inputs.5.weights.0"}
    for key, value in plain.items():
        assert torch.equal(reading[key], value), key


def test_an_intervention_moves_no_other_draw(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Initial weights, order and views are the control's; images differ where it acts."""
    settings = CAM.model_copy(update={"views": 0, "frozen_blocks": 0})
    acting = ContextSettings(
        method="intervention",
        intervention=InterventionSettings(recombined=0.4, counterfactual=0.3, area_filter=None),
    )
    files = {name: tmp_path / f"{name}.safetensors" for name in ("control", "acting")}

    def run(name: str) -> list[Batch]:
        change: dict[str, Any] = {"output": str(files[name]), "settings": settings}
        if name == "acting":
            change["causal"] = causal(acting, pseudo_masks=chain.path("pseudo_masks"))
        return drawn(monkeypatch, lambda: chain.train_cam(round_index=1, **change))[0]

    control, acted = run("control"), run("acting")
    counts = {"same": 0, "other": 0}
    for one, other in zip(control, acted, strict=True):
        assert one.whole == other.whole
        for before, after, tags in zip(
            one.features[0], other.features[0], other.targets["counted"], strict=True
        ):
            counts["same" if torch.equal(before, after) else "other"] += 1
            assert set(tags.tolist()) <= {0.0, 1.0}
    assert counts["same"] > 5
    assert counts["other"] > 5
    plain, after = (load_file(files[name]) for name in ("control", "acting"))
    assert plain.keys() == after.keys()
    assert all(torch.equal(plain[key], after[key]) for key in plain)


def test_classes_that_are_not_counted_have_no_loss(chain: Chain) -> None:
    model = CamNet(2, "efficientnet_lite0_stage5", "none", 8)
    objective = CamObjective(model, frozen_blocks=3)
    features = objective.frozen(torch.zeros(3, 3, 48, 48, dtype=torch.uint8))
    targets = {"tags": torch.tensor([[1.0, 0.0]] * 3)}
    whole, count = objective(features, targets)
    none, same = objective(features, {**targets, "counted": torch.zeros(3, 2)})
    first, _ = objective(features, {**targets, "counted": torch.tensor([[1.0, 0.0]] * 3)})
    second, _ = objective(features, {**targets, "counted": torch.tensor([[0.0, 1.0]] * 3)})
    assert none.item() == 0
    assert count == same
    assert (first + second).item() == pytest.approx(whole.item(), rel=1e-5)


def test_an_intervention_needs_masks(chain: Chain, tmp_path: Path) -> None:
    acting = ContextSettings(method="intervention")
    with pytest.raises(ValueError, match="needs pseudo-masks"):
        chain.train_cam(output=str(tmp_path / "x"), round_index=1, causal=causal(acting))


def test_a_classifier_begins_from_a_segmentation_model(
    chain: Chain, data: Manifest, tmp_path: Path
) -> None:
    """The backbone is the segmentation model's to the last bit, head and M's weights are not."""
    still = CAM.model_copy(update={"learning_rate": 0.0, "epochs": 1})
    begun, plain = tmp_path / "begun.safetensors", tmp_path / "plain.safetensors"
    context = chain.path("context.h5")
    for path, start in ((begun, chain.path("deeplab.safetensors")), (plain, None)):
        chain.train_cam(
            output=str(path),
            round_index=1,
            settings=still,
            causal=causal(context=context, initial_weights=start),
        )
    one, other = load_file(begun), load_file(plain)
    segmentation = load_file(chain.path("deeplab.safetensors"))
    assert one.keys() == other.keys()
    moved = 0
    for key, value in one.items():
        if key.startswith("backbone.blocks."):
            assert torch.equal(value, segmentation[key]), key
            moved += not torch.equal(value, other[key])
        else:
            assert torch.equal(value, other[key]), key
    assert moved  # the segmentation model had learned


def test_another_backbone_is_refused(chain: Chain, data: Manifest, tmp_path: Path) -> None:
    other = CamNet(len(data.classes), "efficientnet_lite0", "none", 16)
    with pytest.raises(ContaError, match="does not fit ModuleList"):
        begin_from(other, chain.path("deeplab.safetensors"), data.classes)
    with pytest.raises(ContaError, match="kind 'irn', expected one of deeplab, segmentation"):
        begin_from(other, chain.path("irn.safetensors"), data.classes)


def test_groups_of_the_classifier(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Head and context learn faster; each learning tensor is in one group."""
    _, groups = drawn(
        monkeypatch,
        lambda: chain.train_cam(
            output=str(tmp_path / "x.safetensors"),
            round_index=1,
            causal=causal(context=chain.path("context.h5")),
        ),
    )
    assert [group["lr"] for group in groups] == [pytest.approx(0.1), pytest.approx(0.01)]
    sizes = [[tuple(p.shape) for p in group["params"]] for group in groups]
    assert sizes[0] == [(6, 112, 1, 1), (480, 1, 1, 1)]
    members = [id(p) for group in groups for p in group["params"]]
    assert len(set(members)) == len(members)
    assert all(p.requires_grad for group in groups for p in group["params"])


def test_rounds_and_seeds_draw_anew(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def run(**change: Any) -> tuple[list[tuple[int, ...]], Tensor]:
        path = tmp_path / "x.safetensors"
        found, _ = drawn(monkeypatch, lambda: chain.train_cam(output=str(path), **change))
        return [batch.whole for batch in found], load_file(path)["classifier.weight"]

    order, weight = run()
    for change in ({"round_index": 1}, {"seed": 1}):
        other_order, other_weight = run(**change)
        assert order != other_order
        assert not torch.equal(weight, other_weight)


def test_context_by_class(
    predictions: Path, manifest_path: str, data: Manifest, tmp_path: Path
) -> None:
    """A channel a class, in training, in the model's file and in extraction."""
    settings = CAM.model_copy(update={"epochs": 1})
    names = {}
    for maps in ("sum", "classes"):
        step = causal_step(predictions, manifest_path, tmp_path / maps, maps=maps)
        context = str(step / "context.h5")
        arm = Chain(tmp_path / f"{maps}-arm", manifest_path)
        arm.train_cam(round_index=1, causal=causal(context=context), settings=settings)
        arm.extract_cams(1, context)
        path = arm.path("cam.safetensors", 1)
        model = load_network(path, "cam", build_cam_net, data.classes)
        channels = len(data.classes) if maps == "classes" else 1
        assert model.backbone.context_inputs["5"].weights[0].shape[1] == channels
        names[maps] = read_metadata(path)[2]
        with StoreReader(arm.path("cams.h5", 1), "cams", data.ids("train", "val")) as cams:
            assert np.isfinite(cams.read(data.ids("val")[0], "cam")).all()
    # of the paper's sum the file says what it always said
    assert names["classes"] == {**names["sum"], "context_channels": len(data.classes)}
    assert "context_channels" not in names["sum"]
