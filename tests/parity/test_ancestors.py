"""The named backbones and heads against transcriptions of the ancestors' networks.

The transcriptions' weights come into our networks as a user's would: as a published file,
through `import_weights`, from the model file. Every difference is absolute, in float32 on the
CPU, of outputs near 1.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from pathlib import Path

import ancestors
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from conta_core import load_model
from conta_core.networks.cam_net import CamNet
from conta_core.networks.irn import Irn
from conta_core.networks.segmenters.deeplab_v2 import DeepLab
from conta_core.refinement.edges import edge_and_displacement, predict_edge_and_displacement
from conta_core.tools.importing.import_weights import import_weights

TOLERANCE = 1e-4
SIZES = [(321, 321), (512, 512), (333, 530), (530, 333)]
LARGE = [pytest.param(*size, marks=pytest.mark.slow) for size in SIZES[1:]]
#: size of the image and the side that it is padded to; 512 is IRNet's
PADDED = [((321, 321), 512), ((333, 500), 512), ((512, 511), 512), ((530, 333), 544)]
KEYS = Path(
    os.environ.get(
        "CONTA_PUBLISHED_KEYS", Path(__file__).resolve().parents[3] / "shared" / "published_keys"
    )
)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def require_close(found: Tensor, expected: Tensor) -> None:
    assert found.shape == expected.shape
    # the tolerance is absolute: it says something of outputs near 1 alone
    assert 0.1 < float(expected.abs().max()) < 50
    assert float(expected.std()) > 0.02
    difference = float((found - expected).abs().max())
    print(f"greatest difference {difference:.1e} of {float(expected.abs().max()):.2f}")
    assert difference <= TOLERANCE


def convert(kind: str, ancestor: nn.Module, folder: Path) -> nn.Module:
    torch.save(ancestor.state_dict(), folder / "published.pth")
    import_weights(kind, folder / "published.pth", folder / "ours.safetensors")
    return load_model(folder / "ours.safetensors")


@pytest.fixture(scope="module")
def cams(tmp_path_factory: pytest.TempPathFactory) -> tuple[ancestors.IrnetCam, CamNet]:
    ancestor = ancestors.randomise(ancestors.IrnetCam(), draw(2, 3, 129, 161))
    return ancestor, convert("irnet-cam", ancestor, tmp_path_factory.mktemp("cam"))


@pytest.fixture(scope="module")
def irns(tmp_path_factory: pytest.TempPathFactory) -> tuple[ancestors.IrnetIrn, Irn]:
    ancestor = ancestors.randomise(ancestors.IrnetIrn(), draw(2, 3, 129, 161))
    return ancestor, convert("irnet-irn", ancestor, tmp_path_factory.mktemp("irn"))


@pytest.fixture(scope="module")
def deeplabs(tmp_path_factory: pytest.TempPathFactory) -> tuple[ancestors.DeepLabMsc, DeepLab]:
    ancestor = ancestors.randomise(ancestors.DeepLabMsc(), draw(2, 3, 129, 161))
    return ancestor, convert("deeplab-pytorch", ancestor, tmp_path_factory.mktemp("deeplab"))


@pytest.mark.parametrize(
    ("file", "make"),
    [
        ("irnet-cam", ancestors.IrnetCam),
        ("irnet-irn", ancestors.IrnetIrn),
        ("deeplab-pytorch-msc", ancestors.DeepLabMsc),
    ],
)
def test_transcriptions_have_the_published_names_and_shapes(
    file: str, make: Callable[[], nn.Module]
) -> None:
    if not KEYS.is_dir():
        pytest.skip(f"no inventories of published files in {KEYS}")
    lines = (KEYS / f"{file}.txt").read_text().splitlines()
    published = dict(line.split()[:2] for line in lines if not line.startswith("#"))
    own = {
        name: "x".join(str(side) for side in value.shape) or "scalar"
        for name, value in make().state_dict().items()
    }
    assert own == published


@pytest.mark.parametrize(("height", "width"), SIZES)
@torch.no_grad()
def test_cam_net(cams: tuple[ancestors.IrnetCam, CamNet], height: int, width: int) -> None:
    ancestor, ours = cams
    images = draw(1, 3, height, width, seed=1)
    require_close(ours(images), ancestor(images))
    maps = ours.activation_maps(images)
    assert maps.shape[2:] == (-(-height // 16), -(-width // 16))
    require_close(maps, ancestor.cams(images))


@pytest.mark.parametrize(("height", "width"), SIZES)
@torch.no_grad()
def test_irn(irns: tuple[ancestors.IrnetIrn, Irn], height: int, width: int) -> None:
    ancestor, ours = irns
    images = draw(1, 3, height, width, seed=2)
    for found, expected in zip(ours(images), ancestor(images), strict=True):
        require_close(found, expected)
    assert float(ours.mean_displacement.abs().max()) > 0.1


@torch.no_grad()
def test_irn_in_training_leaves_the_mean_displacement_in(
    irns: tuple[ancestors.IrnetIrn, Irn],
) -> None:
    ancestor, ours = irns
    images = draw(2, 3, 97, 130, seed=3)
    ancestor.fc_dp7.train()
    ours.train()
    try:
        for found, expected in zip(ours(images), ancestor(images), strict=True):
            require_close(found, expected)
    finally:
        ancestor.eval()
        ours.eval()


@pytest.mark.parametrize(("size", "side"), PADDED)
@torch.no_grad()
def test_padded_inference(
    irns: tuple[ancestors.IrnetIrn, Irn], size: tuple[int, int], side: int
) -> None:
    ancestor, ours = irns
    image = draw(3, *size, seed=4)
    found = edge_and_displacement(ours, image[None], side)
    for one, other in zip(found, ancestor.infer(image, side), strict=True):
        require_close(one, other)


@torch.no_grad()
def test_padding_matters_and_does_not_cut(irns: tuple[ancestors.IrnetIrn, Irn]) -> None:
    _, ours = irns
    image = np.random.default_rng(0).integers(0, 256, (97, 130, 3), dtype=np.uint8)
    plain, _ = predict_edge_and_displacement(ours, image)
    padded, _ = predict_edge_and_displacement(ours, image, 256)
    assert plain.shape == padded.shape == (25, 33)
    assert float((plain - padded).abs().max()) > 0.01
    larger, displacement = predict_edge_and_displacement(ours, image, 64)
    assert larger.shape == (25, 33)
    assert displacement.shape == (2, 25, 33)


@pytest.mark.parametrize(("height", "width"), [SIZES[0], *LARGE])
@torch.no_grad()
def test_deeplab(deeplabs: tuple[ancestors.DeepLabMsc, DeepLab], height: int, width: int) -> None:
    """The four outputs of training, and the one of testing."""
    ancestor, ours = deeplabs
    images = draw(1, 3, height, width, seed=5)
    expected = ancestor(images)
    ours.train()
    found = ours(images)
    ours.eval()
    assert len(found) == len(expected) == 4
    for one, other in zip(found, expected, strict=True):
        require_close(one, other)
    require_close(ours(images), expected[-1])


@torch.no_grad()
def test_differences_are_rounding_alone(
    cams: tuple[nn.Module, nn.Module],
    irns: tuple[nn.Module, nn.Module],
    deeplabs: tuple[nn.Module, nn.Module],
) -> None:
    """In float64 nothing is left of them."""
    images = draw(1, 3, 129, 98, seed=6).double()
    for pair in (cams, irns, deeplabs):
        ancestor, ours = (copy.deepcopy(network).double() for network in pair)
        expected, found = ancestor(images), ours(images)
        if isinstance(found, tuple):
            expected, found = torch.cat(expected, 1), torch.cat(found, 1)
        elif isinstance(expected, list):
            expected = expected[-1]
        assert float((found - expected).abs().max()) < 1e-10
