"""SEAM against a naive transcription of its network, its losses and its inference.

The transcription's weights come in as a user's would: as a published file, through
`import_weights`. Every difference is absolute, in float32 on the CPU.
"""

from __future__ import annotations

import ancestors
import cv2
import numpy as np
import pytest
import seam_ancestor
import torch
from torch import Tensor

from conta_core import load_model
from conta_core.networks.pixel_correlation import (
    PIXELS_AT_ONCE,
    PixelCorrelation,
    correlate,
    start_maps,
)
from conta_core.networks.seam_net import SeamNet
from conta_core.seeds.seam_losses import BranchMaps, seam_losses
from conta_core.seeds.seam_maps import extract_refined
from conta_core.seeds.seam_training import SeamObjective
from conta_core.settings.seam import SeamSettings
from conta_core.tools.importing.import_weights import import_weights

TOLERANCE = 1e-4
#: what half precision, in which full-size maps are kept, rounds numbers below 1 by
HALF = 2.5e-4
CLASSES = 20


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def smooth(height: int, width: int, seed: int = 0) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> tuple[seam_ancestor.Seam, SeamNet]:
    ancestor = ancestors.randomise(seam_ancestor.Seam(CLASSES), draw(2, 3, 49, 65))
    folder = tmp_path_factory.mktemp("seam")
    torch.save(ancestor.state_dict(), folder / "published.pth")
    import_weights("seam", folder / "published.pth", folder / "ours.safetensors")
    (folder / "published.pth").unlink()
    ours = load_model(folder / "ours.safetensors")
    (folder / "ours.safetensors").unlink()
    assert isinstance(ours, SeamNet)
    return ancestor, ours


@pytest.mark.parametrize("size", [(64, 64), (65, 33)])
@torch.no_grad()
def test_network(networks: tuple[seam_ancestor.Seam, SeamNet], size: tuple[int, int]) -> None:
    """Taps, CAMs and refined maps."""
    ancestor, ours = networks
    image = draw(1, 3, *size, seed=1)
    expected = ancestor.taps(image)
    outputs = ours.backbone(image)
    for found, tap in zip(outputs[2:], expected, strict=True):
        assert float(tap.std()) > 0.1
        torch.testing.assert_close(found, tap, atol=TOLERANCE, rtol=0)
    assert all(outputs[number].shape[-2:] == expected[0].shape[-2:] for number in (2, 3, 4))
    cam, refined = ancestor(image)
    logits, found = ours.refined_maps(image)
    assert 0.1 < float(cam.abs().max()) < 50
    torch.testing.assert_close(logits, ours.classifier(outputs[-1]).mean(dim=(2, 3)))
    torch.testing.assert_close(seam_ancestor.bilinear(found, size), refined, atol=TOLERANCE, rtol=0)
    maps = seam_ancestor.bilinear(ours.classifier(outputs[-1]), size)
    torch.testing.assert_close(maps, cam[:, 1:], atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("grid", [(5, 7), (1, 3)])
def test_pixel_correlation(grid: tuple[int, int]) -> None:
    cams, features = draw(2, 4, *grid), draw(2, 6, *grid, seed=1)
    expected = seam_ancestor.pcm(torch.cat([cams[:, :1], cams], dim=1), features)
    found = correlate(start_maps(cams), features)
    torch.testing.assert_close(found, expected, atol=TOLERANCE, rtol=0)
    assert float(found.sum(dim=1).max()) <= 1 + TOLERANCE


def test_many_pixels_give_the_same_in_parts() -> None:
    """More pixels than are compared at once."""
    maps, features = draw(1, 2, 50, 45).abs(), draw(1, 3, 50, 45, seed=1)
    assert maps[0, 0].numel() > PIXELS_AT_ONCE
    unit = (features / (features.norm(dim=1, keepdim=True) + 1e-5)).flatten(2)
    affinity = (unit.transpose(1, 2) @ unit).clamp_min(0)
    expected = maps.flatten(2) @ (affinity / (affinity.sum(dim=1, keepdim=True) + 1e-5))
    torch.testing.assert_close(correlate(maps, features).flatten(2), expected)


def test_nothing_learns_through_what_is_spread() -> None:
    """The module's own weights learn; CAMs and taps do not."""
    module = PixelCorrelation((5, 6))
    cams, pixels = draw(1, 3, 4, 4).requires_grad_(), draw(1, 3, 4, 4)
    taps = [draw(1, 5, 8, 8).requires_grad_(), draw(1, 6, 4, 4).requires_grad_()]
    refined = module(cams, pixels, taps)
    assert refined.shape == (1, 4, 4, 4)
    refined.square().sum().backward()
    assert cams.grad is None
    assert all(tap.grad is None for tap in taps)
    assert all(p.grad is not None and bool(p.grad.any()) for p in module.parameters())


@pytest.mark.parametrize("tagged", [0, 1, 3])
def test_losses(tagged: int) -> None:
    cams = [draw(2, 5, *size, seed=seed) for seed, size in enumerate([(20, 24), (6, 7)])]
    refined = [draw(2, 5, *size, seed=9 + i).abs() for i, size in enumerate([(20, 24), (6, 7)])]
    tags = torch.zeros(2, 4)
    tags[:, :tagged] = 1
    tags[1, 3] = 1
    expected = seam_ancestor.losses(
        *(x.double().numpy() for x in (cams[0], refined[0], cams[1], refined[1], tags))
    )
    whole, small = (BranchMaps(c[:, 1:], r) for c, r in zip(cams, refined, strict=True))
    found = seam_losses(whole, small, tags).mean(dim=1)
    np.testing.assert_allclose(found.numpy(), list(expected.values()), atol=TOLERANCE)


def test_training(networks: tuple[seam_ancestor.Seam, SeamNet]) -> None:
    """From the pixels to the loss, without the dropout."""
    ancestor, ours = networks
    settings = SeamSettings(backbone="wide_resnet38", crop=64, frozen_blocks=1)
    objective = SeamObjective(ours, settings).eval()
    pixels = np.stack([smooth(64, 64, seed) for seed in range(2)]).transpose(0, 3, 1, 2)
    tags = torch.zeros(2, CLASSES)
    tags[0, 3] = tags[1, 7] = tags[1, 11] = 1
    images = torch.from_numpy(pixels.copy())
    with torch.no_grad():
        terms = objective(objective.frozen(images), {"tags": tags})
        normal = ours.backbone.normalise(images)
        whole, small = ancestor(normal), ancestor(seam_ancestor.bilinear(normal, (19, 19)))
    expected = seam_ancestor.losses(
        *(x.double().numpy() for x in (whole[0], whole[1], small[0], small[1], tags))
    )
    sums, counts = terms
    np.testing.assert_allclose((sums / counts).numpy(), list(expected.values()), atol=TOLERANCE)
    loss = float(objective.loss(sums, counts))
    assert loss == pytest.approx(sum(expected.values()), abs=TOLERANCE)


@pytest.mark.parametrize("size", [(48, 64), (50, 37)])
def test_inference(networks: tuple[seam_ancestor.Seam, SeamNet], size: tuple[int, int]) -> None:
    ancestor, ours = networks
    image, keys, scales = smooth(*size), np.array([2, 9]), (1.0, 0.5)
    found = extract_refined(ours, image, keys, scales)
    copies = []
    for scale in scales:
        sides = (round(size[1] * scale), round(size[0] * scale))
        scaled = cv2.resize(image, sides, interpolation=cv2.INTER_AREA) if scale != 1 else image
        for flip in (False, True):
            pixels = scaled[:, ::-1] if flip else scaled
            unit = (pixels / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
            copies.append((unit.transpose(2, 0, 1).astype(np.float32).copy(), flip))
    expected = seam_ancestor.maps_of_image(ancestor, copies, size)[keys]
    np.testing.assert_allclose(found.high_res, np.maximum(expected, 0), atol=TOLERANCE + HALF)
