"""Transformers, and other networks of timm whose blocks do not begin with a convolution."""

from __future__ import annotations

from typing import Any

import pytest
import timm
import torch
from torch import Tensor

from conta_core.errors import ContaError
from conta_core.networks.backbones.vision_transformers import TransformerBackbone
from conta_core.networks.cam_net import CamNet
from conta_core.networks.registry import Backbone, build_backbone
from conta_core.seeds.classifier_training import ClassifierTraining
from conta_core.settings import CamSettings

#: name -> output stride, tokens beside the patches
PLAIN = {
    "vit_tiny_patch16_224": (16, 1),
    "vit_base_patch32_clip_quickgelu_224": (32, 1),
    "deit_tiny_distilled_patch16_224": (16, 2),
    "vit_small_patch14_reg4_dinov2": (16, 5),
    "vit_small_patch16_dinov3": (16, 5),
}
#: name -> side of its images
LEVELS = {
    "swin_tiny_patch4_window7_224": 224,
    "swinv2_tiny_window8_256": 256,
    "pvt_v2_b0": 224,
    "nextvit_small": 224,
    "maxvit_rmlp_pico_rw_256": 256,
    "convnext_atto": 224,
}
ALL = {**{name: stride for name, (stride, _) in PLAIN.items()}, **dict.fromkeys(LEVELS, 32)}


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def build(name: str, stride: int | None = None) -> Backbone:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build_backbone(f"timm:{name}", "none", stride or ALL[name]).eval()


@pytest.mark.parametrize("name", PLAIN)
@torch.no_grad()
def test_a_plain_transformer_is_timms(name: str) -> None:
    """At the side that it was made for, the last map is timm's patch tokens, normed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network: Any = timm.create_model(name, num_classes=0, dynamic_img_size=True).eval()
    side = network.patch_embed.img_size[0] if "dinov2" not in name else 56
    images = draw(1, 3, side, side)
    tokens = network.forward_features(images)
    backbone = build(name)
    assert isinstance(backbone, TransformerBackbone)
    found = backbone(images)[-1].flatten(2).transpose(1, 2)
    beside = tokens.shape[1] - found.shape[1]
    assert beside == PLAIN[name][1]
    torch.testing.assert_close(found, tokens[:, beside:], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", LEVELS)
@torch.no_grad()
def test_levels_are_timms(name: str) -> None:
    """The last one is what timm's whole network pools, which has a norm that features lack."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network: Any = timm.create_model(name, features_only=True).eval()
        torch.manual_seed(0)
        whole: Any = timm.create_model(name).eval()
    images = draw(1, 3, LEVELS[name], LEVELS[name])
    expected = [*network(images)[:-1], whole.forward_features(images)]
    if str(getattr(network, "output_fmt", "")).endswith("NHWC"):
        expected = [one.permute(0, 3, 1, 2) for one in expected]
    for one, other in zip(build(name)(images)[-len(expected) :], expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ALL)
@torch.no_grad()
def test_any_size(name: str) -> None:
    """Each map has a cell for each part of the image, also where the image fills none."""
    backbone = build(name)
    for size in ((96, 96), (130, 97)):
        outputs = backbone(draw(2, 3, *size))
        for output, channels, stride in zip(
            outputs, backbone.channels, backbone.strides, strict=True
        ):
            assert output.shape == (2, channels, *(-(-side // stride) for side in size))
            assert bool(output.isfinite().all())


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("first", [2, 4, 5])
@torch.no_grad()
def test_from_a_state_on(name: str, first: int) -> None:
    backbone = build(name)
    images = draw(1, 3, 65, 97)
    state = backbone.final_state(images, last=first - 1)
    assert all(len(part) == 1 for part in state)
    for one, other in zip(backbone(state, first=first), backbone(images)[first - 1 :], strict=True):
        assert torch.equal(one, other)
    if len(state) > 1:
        with pytest.raises(ValueError, match="reads the state of the block before, not its map"):
            backbone(state[0], first=first)


@pytest.mark.parametrize("name", ALL)
@torch.no_grad()
def test_m_is_read(name: str) -> None:
    """A network reads M where it lies, and no other draw moves for it."""
    plain = CamNet(3, f"timm:{name}", "none", ALL[name], None, seed=4).eval()
    reading = CamNet(3, f"timm:{name}", "none", ALL[name], 5, seed=4).eval()
    found = reading.state_dict()
    assert all(torch.equal(found.pop(key), value) for key, value in plain.state_dict().items())
    assert list(found) == ["backbone.context_inputs.5.weights.0"]
    images, context = draw(1, 3, 96, 64), draw(1, 1, 6, 4, seed=1)
    torch.testing.assert_close(reading(images, torch.zeros_like(context)), plain(images))
    assert not torch.allclose(reading(images, context), plain(images), atol=1e-6)


@pytest.mark.parametrize("name", [*ALL, "resnet18", "efficientnet_lite0_stage5"])
@pytest.mark.parametrize("frozen", [0, 3])
def test_all_that_should_learn_learns(name: str, frozen: int) -> None:
    """A step of the classifier changes every parameter of the blocks that are not frozen."""
    stride = ALL.get(name, 16)
    backbone = name if name not in ALL else f"timm:{name}"
    settings = CamSettings(backbone=backbone, weights="none", frozen_blocks=frozen)
    model = CamNet(3, backbone, "none", stride, 4, seed=1)
    for module in model.modules():
        if hasattr(module, "drop_prob"):  # by chance a block is left out for both images
            module.drop_prob = 0.0
    with torch.no_grad():  # some parts begin at 0, and nothing behind them learns at once
        for parameter in model.parameters():
            parameter.add_(0.01 * draw(*parameter.shape))
    objective = ClassifierTraining.objective(model, settings).train()
    before = {key: value.detach().clone() for key, value in model.named_parameters()}
    optimizer = torch.optim.SGD(ClassifierTraining.groups(model, settings), lr=0.1)
    for group in optimizer.param_groups:
        group["lr"], group["weight_decay"] = 10.0, 0.0
    images = torch.randint(0, 256, (2, 3, 96, 96), generator=torch.Generator().manual_seed(1))
    features = objective.frozen(images.to(torch.uint8))
    targets = {"tags": torch.tensor([[1.0, 0, 1], [0, 1, 0]]), "context": draw(2, 1, 6, 6)}
    sums, counts = objective(features, targets)
    objective.loss(sums, counts).backward()
    optimizer.step()
    blocks = tuple(f"backbone.blocks.{k}." for k in range(frozen))
    after = dict(model.named_parameters())
    same = {key for key, value in before.items() if torch.equal(after[key], value)}
    # what is added to all keys alike changes no softmax over them
    alike = (".k.bias", "rel_pos.mlp.fc2.bias")
    same = {key for key in same if key.startswith(blocks) or not key.endswith(alike)}
    assert same == {key for key in before if key.startswith(blocks)}


def test_a_stride_that_it_does_not_have() -> None:
    with pytest.raises(ContaError, match="patches of 16 pixels, and no other stride; set it to 16"):
        build("vit_tiny_patch16_224", 8)
    with pytest.raises(ContaError, match=r"at output stride 8 .*; try 32, or choose another"):
        build("swin_tiny_patch4_window7_224", 8)


def test_networks_that_are_refused() -> None:
    with pytest.raises(ContaError, match="cannot be cut into 5 blocks"):
        build("hiera_tiny_224", 32)
    with pytest.raises(ContaError, match="it takes images of 160 x 160 pixels only"):
        build("test_coatnet", 32)
    with pytest.raises(ContaError, match=r"at output stride 16 \(AssertionError\); try 32"):
        build("dla34", 16)


@pytest.mark.parametrize("name", ["test_vit", "test_convnext"])
def test_weights_that_cannot_be_fetched(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*given: Any, **options: Any) -> None:
        raise FileNotFoundError("no such host\nand more")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(ContaError, match=r"weights is 'imagenet': .* fetched \(no such host\); "):
        build_backbone(f"timm:{name}", "imagenet", 16)


def test_what_is_frozen_drops_nothing_out() -> None:
    """Swin leaves out branches by chance in training, but not where its weights are kept."""
    settings = CamSettings(backbone="timm:swin_tiny_patch4_window7_224", frozen_blocks=4)
    model = CamNet(2, settings.backbone, "none", 32, seed=1)
    objective = ClassifierTraining.objective(model, settings).train()
    images = torch.randint(0, 256, (2, 3, 64, 64), generator=torch.Generator().manual_seed(1))
    states = [objective.frozen(images.to(torch.uint8)) for _ in range(3)]
    before = torch.random.get_rng_state()
    assert all(torch.equal(one, other) for one, other in zip(states[0], states[1], strict=True))
    assert torch.equal(torch.random.get_rng_state(), before)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        last = [model.backbone(states[0], first=5)[-1] for _ in range(8)]
    assert not all(torch.equal(last[0], other) for other in last[1:])


@torch.no_grad()
def test_m_beside_a_padded_image() -> None:
    """A block that begins with a convolution reads M on the image, and 0 beside it."""
    backbone = build("poolformer_s12", 32)
    for number, readers in ((2, 0), (3, 1)):
        backbone.add_context([number], torch.Generator().manual_seed(5))
        assert len(backbone.context_inputs[str(number)]._readers) == readers
        images, context = draw(1, 3, 65, 97), draw(1, 1, 17, 25, seed=1)
        whole = torch.nn.functional.pad(images, (0, 31, 0, 31))
        beside = torch.nn.functional.pad(context, (0, 7, 0, 7))
        expected = backbone(whole, beside)[number - 1]
        found = backbone(images, context)[number - 1]
        torch.testing.assert_close(found, expected[..., : found.shape[-2], : found.shape[-1]])
        assert not torch.allclose(found, backbone(images, 0 * context)[number - 1], atol=1e-4)
        del backbone.context_inputs[str(number)]
