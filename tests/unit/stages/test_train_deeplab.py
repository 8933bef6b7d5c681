from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from chain import SEGMENTATION, Chain, causal
from drawn_batches import drawn
from safetensors.torch import load_file
from torch import Tensor

from conta_core.data.manifest import Manifest
from conta_core.images.masks import read_label_png
from conta_core.settings import ContextSettings, InterventionSettings
from conta_core.stages.train_deeplab import class_weights, msc_terms
from conta_core.training.frozen_features import Batch
from conta_core.training.objective import weighted_ratios


def test_the_model_is_finite(chain: Chain) -> None:
    tensors = load_file(chain.path("deeplab.safetensors"))
    assert all(bool(torch.isfinite(value).all()) for value in tensors.values())


def msc_loss(outputs: list[Tensor], labels: Tensor, class_weights: Tensor | None = None) -> Tensor:
    return weighted_ratios(*msc_terms(outputs, labels, class_weights), [1.0] * len(outputs))


def test_msc_loss() -> None:
    """The sum over the outputs of the mean cross-entropy on the pixels that count."""
    generator = torch.Generator().manual_seed(0)
    outputs = [torch.randn(2, 3, side, side, generator=generator) for side in (4, 2, 4)]
    labels = torch.randint(0, 3, (2, 8, 8), generator=generator).to(torch.uint8)
    labels[:, :3] = 255
    weights = torch.tensor([0.5, 1.0, 2.0])
    for used in (None, weights):
        expected = 0.0
        for logits in outputs:
            step = 8 // logits.shape[-1]
            total = norm = 0.0
            for b, y, x in np.ndindex(2, *logits.shape[-2:]):
                label = int(labels[b, y * step, x * step])
                if label == 255:
                    continue
                weight = 1.0 if used is None else float(used[label])
                total -= weight * float(logits[b, :, y, x].log_softmax(0)[label])
                norm += weight
            expected += total / norm
        assert float(msc_loss(outputs, labels, used)) == pytest.approx(expected, rel=1e-5)


def test_msc_loss_where_nothing_counts() -> None:
    """A batch of padding alone must not stop the training."""
    logits = torch.randn(1, 3, 4, 4, requires_grad=True)
    loss = msc_loss([logits], torch.full((1, 8, 8), 255, dtype=torch.uint8))
    assert loss.item() == 0
    loss.backward()


def test_class_weights(chain: Chain, data: Manifest) -> None:
    ids, folder = data.ids("train"), chain.path("pseudo_masks")
    masks = [read_label_png(Path(folder) / f"{i}.png") for i in ids]
    values = np.concatenate([mask.ravel() for mask in masks])
    found = class_weights(masks, len(data.class_names)).numpy()
    occurring = [k for k in range(7) if (values == k).any()]
    roots = {k: 1 / np.sqrt((values == k).mean()) for k in occurring}
    mean = sum(roots.values()) / len(roots)
    for k in range(7):
        assert found[k] == pytest.approx(roots.get(k, 0.0) / mean, rel=1e-5)


def acting(share: float) -> ContextSettings:
    """The classifier's shares are others than the segmentation model's."""
    return ContextSettings(
        method="intervention",
        intervention=InterventionSettings(
            recombined=0.0, counterfactual=1.0, segmentation_recombined=share, area_filter=None
        ),
    )


def test_an_intervention_moves_no_other_draw(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Initial weights, order and views are the control's; images and labels differ together."""
    files = {share: tmp_path / f"{share}.safetensors" for share in (0.0, 0.5)}
    settings = SEGMENTATION.model_copy(update={"views": 0, "frozen_blocks": 0})

    def run(share: float) -> list[Batch]:
        return drawn(
            monkeypatch,
            lambda: chain.train_deeplab(
                output=str(files[share]),
                settings=settings,
                causal=causal(acting(share)),
                round_index=1,
            ),
        )[0]

    counts = {"same": 0, "other": 0}
    for one, other in zip(run(0.0), run(0.5), strict=True):
        assert one.whole == other.whole
        images = zip(one.features[0], other.features[0], strict=True)
        labels = zip(one.targets["labels"], other.targets["labels"], strict=True)
        for (before, after), (lying, instead) in zip(images, labels, strict=True):
            same = torch.equal(before, after)
            counts["same" if same else "other"] += 1
            if same:
                assert torch.equal(lying, instead)
            else:
                assert (instead == 255).any()
    assert counts["same"] > 5
    assert counts["other"] > 5
    plain, after = (load_file(path) for path in files.values())
    assert all(torch.equal(plain[key], after[key]) for key in plain)


def test_the_share_of_another_method_is_not_read(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def run(context: ContextSettings) -> list[Batch]:
        output = str(tmp_path / "x.safetensors")
        return drawn(
            monkeypatch,
            lambda: chain.train_deeplab(output=output, causal=causal(context), round_index=1),
        )[0]

    others = acting(1.0).model_copy(update={"method": "conta"})
    for one, other in zip(run(ContextSettings(method="none")), run(others), strict=True):
        assert torch.equal(one.targets["labels"], other.targets["labels"])
