"""The second training of ReCAM: what it begins with, what it learns, and what it depends on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from chain import CAM, CONTEXT, NO_METHOD, Chain, causal
from drawn_batches import drawn
from safetensors.torch import load_file
from torch import Tensor

from conta_core.causal.methods import CausalInputs
from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.networks.recam_net import RecamNet, build_recam_net
from conta_core.runtime.seeding import derive_seed
from conta_core.seeds.recam import Recam
from conta_core.seeds.recam_training import RecamObjective, RecamTraining, softmax_loss
from conta_core.settings import ContextSettings, InterventionSettings
from conta_core.settings.cam import RecamSettings
from conta_core.stages.train_recam import train_recam
from conta_core.storage.model_files import read_metadata, save_model

RECAM = RecamSettings(
    **CAM.model_dump(exclude={"method"}), recam_epochs=1, recam_learning_rate=0.01
)
STILL = {"recam_learning_rate": 0.0, "recam_head_learning_rate": 0.0}


def train(chain: Chain, output: Path, *, round_index: int = 0, **change: Any) -> dict[str, Tensor]:
    """The tensors of the network, of M's round where the round is 1."""
    settings = RECAM.model_copy(update=change.pop("settings", {}))
    context = chain.path("context.h5") if round_index else None
    options: dict[str, Any] = {
        "manifest": chain.manifest,
        "classifier": chain.path("cam.safetensors", round_index),
        "causal": causal(context=context),
        "output": str(output),
        "settings": settings,
        "seed": chain.seed,
        "round_index": round_index,
        "threads": 1,
    }
    train_recam(**{**options, **change})
    return load_file(output)


@pytest.mark.parametrize("round_index", [0, 1])
def test_it_begins_with_the_classifier(chain: Chain, tmp_path: Path, round_index: int) -> None:
    """In round 1 with the weights that read M too; only the second classifier is new."""
    still = train(chain, tmp_path / "still", round_index=round_index, settings=STILL)
    new = still.pop("recam.weight")
    before = load_file(chain.path("cam.safetensors", round_index))
    assert still.keys() == before.keys()
    assert any("context_inputs" in key for key in still) == bool(round_index)
    for key, value in before.items():
        assert torch.equal(still[key], value), key
    assert float(new.std()) > 0


@pytest.mark.parametrize("round_index", [0, 1])
def test_what_learned(chain: Chain, tmp_path: Path, round_index: int) -> None:
    before = train(chain, tmp_path / "still", round_index=round_index, settings=STILL)
    after = train(chain, tmp_path / "moved", round_index=round_index)
    for key, value in before.items():
        learned = not torch.equal(after[key], value)
        frozen = key.startswith(("backbone.blocks.0", "backbone.blocks.1", "backbone.blocks.2"))
        statistic = key.endswith(("running_mean", "running_var", "num_batches_tracked"))
        assert learned == (not frozen and not statistic), key


def test_the_softmax_moves_the_backbone(chain: Chain, tmp_path: Path) -> None:
    weights = {weight: {"recam_weight": weight} for weight in (0.0, 1.0)}
    one, other = (
        train(chain, tmp_path / str(weight), settings=change) for weight, change in weights.items()
    )
    assert not torch.equal(one["classifier.weight"], other["classifier.weight"])
    last = next(key for key in one if key.startswith("backbone.blocks.4") and "weight" in key)
    assert not torch.equal(one[last], other[last])


def test_keys_of_the_first_training_are_not_read(chain: Chain, tmp_path: Path) -> None:
    """Those that the second one has values of its own for."""
    train(chain, tmp_path / "one")
    first = {
        "epochs": 3,
        "iterations": 2,
        "learning_rate": 0.5,
        "head_factor": 3.0,
        "weight_decay": 0.1,
    }
    train(chain, tmp_path / "other", settings=first)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_the_file_and_the_name_of_its_draws(chain: Chain, data: Manifest, tmp_path: Path) -> None:
    """The name is a constant: no published number moves with a module's name."""
    train(chain, tmp_path / "model")
    kind, classes, architecture = read_metadata(tmp_path / "model")
    assert (kind, classes) == ("recam", data.classes)
    assert architecture["seed"] == derive_seed(0, 0, "train_recam", "weights")
    network = Recam.load_classifier(str(tmp_path / "model"), data.classes)
    assert isinstance(network, RecamNet)
    with pytest.raises(ContaError, match="trained for the classes"):
        Recam.load_classifier(str(tmp_path / "model"), ("cat", "dog"))


def test_other_models_are_refused(chain: Chain, data: Manifest, tmp_path: Path) -> None:
    with pytest.raises(ContaError, match="a model of kind 'irn', expected 'cam'"):
        train(chain, tmp_path / "m", classifier=chain.path("irn.safetensors"))
    with pytest.raises(ContaError, match=r"cam\.safetensors: does not fit Backbone"):
        train(chain, tmp_path / "m", settings={"backbone": "efficientnet_lite0", "weights": "none"})
    given = chain.path("cam.safetensors")
    with pytest.raises(ContaError, match=r"does not fit"):  # of round 1 it reads M
        train(chain, tmp_path / "m", classifier=chain.path("cam.safetensors", 1))
    _, classes, architecture = read_metadata(given)
    renamed = [f"not {name}" for name in classes]
    save_model(
        tmp_path / "renamed", build_recam_net(len(classes), architecture), "cam", renamed, {}
    )
    with pytest.raises(ContaError, match="trained for the classes"):
        train(chain, tmp_path / "m", classifier=str(tmp_path / "renamed"))
    assert not (tmp_path / "m").exists()


def test_an_intervention_changes_its_views(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """From round 1 on, by the same method as the first training's."""
    shares = InterventionSettings(recombined=0.6, counterfactual=0.3)
    settings = ContextSettings(method="intervention", intervention=shares)
    acting = CausalInputs(settings, {"pseudo_masks": chain.path("pseudo_masks")})

    def seen(**change: Any) -> Any:
        options = {"round_index": 1, "classifier": chain.path("cam.safetensors")}
        return drawn(monkeypatch, lambda: train(chain, tmp_path / "model", **options, **change))[0]

    plain = seen(causal=NO_METHOD)
    with_it = seen(causal=acting)
    assert len(plain) == len(with_it) > 0
    differ = [
        not torch.equal(one.targets["tags"], other.targets["tags"])
        for one, other in zip(plain, with_it, strict=True)
    ]
    assert any(differ)
    assert all("counted" in batch.targets for batch in with_it)


def test_what_a_class_counts() -> None:
    """A class that counts nothing does not belong to the image; others count as they do."""
    logits = torch.randn(3, 4, 4, generator=torch.Generator().manual_seed(0))
    tags = torch.tensor([[1.0, 1, 0, 0], [1, 0, 1, 1], [0, 0, 0, 0]])
    counted = torch.tensor([[1.0, 0, 1, 0], [2, 1, 0.5, 0], [1, 1, 1, 1]])
    entropy = -logits.log_softmax(dim=2).diagonal(dim1=1, dim2=2)
    expected = entropy[0, 0] + (2 * entropy[1, 0] + 0.5 * entropy[1, 2]) / 2
    torch.testing.assert_close(softmax_loss(logits, tags, counted), expected)
    whole = entropy[0, :2].mean() + entropy[1, [0, 2, 3]].mean()
    torch.testing.assert_close(softmax_loss(logits, tags), whole)
    assert float(softmax_loss(logits, torch.zeros_like(tags))) == 0


def test_half_precision_holds_the_sums_over_cells() -> None:
    """Features whose sum over the cells is above float16's greatest number."""
    model = RecamNet(2, "resnet18", "none", 16).eval()
    with torch.no_grad():
        model.classifier.weight.fill_(1e-3)
    features = torch.full((1, 512, 32, 32), 100.0)
    expected = model.of_classes(features)
    for dtype in (torch.float16, torch.bfloat16):
        with torch.autocast("cpu", dtype):
            found = model.of_classes(features.to(dtype))
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision(chain: Chain, tmp_path: Path, precision: str) -> None:
    one = train(chain, tmp_path / "one")
    other = train(chain, tmp_path / "other", settings={"precision": precision})
    for key, value in one.items():
        if value.is_floating_point():
            torch.testing.assert_close(other[key], value, rtol=0.2, atol=0.02, msg=key)


def test_groups() -> None:
    """Each parameter that learns is in one group, the second classifier in its own."""
    model = RecamNet(3, "resnet18", "none", 16, context_block=5)
    settings = RECAM.second()
    RecamObjective(model, 3, 1.0)
    groups = RecamTraining.groups(model, settings)
    inside = [id(parameter) for group in groups for parameter in group["params"]]
    learning = [id(parameter) for parameter in model.parameters() if parameter.requires_grad]
    assert sorted(inside) == sorted(learning)
    assert [group["lr"] for group in groups] == [5e-4, 0.01]
    assert {group["weight_decay"] for group in groups} == {1e-4}
    assert [id(p) for p in groups[0]["params"]] == [id(model.recam.weight)]
    assert len(model.backbone.context_inputs) == 1


def test_in_two_processes(chain: Chain, tmp_path: Path) -> None:
    one = train(chain, tmp_path / "one")
    two = train(chain, tmp_path / "two", processes=2)
    for name, expected in one.items():
        torch.testing.assert_close(two[name], expected, rtol=1e-3, atol=1e-5, msg=name)


def test_an_attention_of_the_classifier_is_taken_over(chain: Chain, tmp_path: Path) -> None:
    settings = CONTEXT.model_copy(update={"learning": "classifier"})
    files = {name: chain.path(f"{name}.h5") for name in ("confounders", "train_masks", "logits")}
    acting = CausalInputs(settings, files)
    classifier = tmp_path / "classifier"
    chain.train_cam(output=str(classifier), round_index=1, causal=acting)
    still = train(
        chain,
        tmp_path / "still",
        round_index=1,
        classifier=str(classifier),
        causal=acting,
        settings=STILL,
    )
    before = load_file(classifier)
    own = [key for key in before if key.startswith("attention.")]
    assert len(own) >= 4
    assert all(torch.equal(still[key], before[key]) for key in before)
    moved = train(
        chain, tmp_path / "moved", round_index=1, classifier=str(classifier), causal=acting
    )
    learned = {key for key in own if not torch.equal(moved[key], before[key])}
    assert learned
    assert not learned & {"attention.confounders", "attention.prior"}
