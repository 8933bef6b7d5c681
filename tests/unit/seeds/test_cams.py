from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from conta_core.networks.cam_net import CamNet
from conta_core.seeds.cams import ImageCams, extract

CLASSES = 4
KEYS = np.array([1, 3])
SIZES = [(48, 64), (50, 37), (33, 61)]


def build(context_block: int | None = None, channels: int = 1) -> CamNet:
    net = CamNet(CLASSES, "resnet18", "none", 16, context_block, 1, channels).eval()
    # features are not negative: so each map holds something, and differs from place to place
    reads = torch.arange(512) % 64
    with torch.no_grad():
        for index, weight in enumerate(net.classifier.weight):
            weight.abs_().mul_((reads == index)[:, None, None])
    return net


@pytest.fixture(scope="module")
def net() -> CamNet:
    return build()


@pytest.fixture(scope="module")
def context_net() -> CamNet:
    return build(5)


def draw(size: tuple[int, int], seed: int = 0) -> np.ndarray:
    """A smooth image that is not its own mirror image."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return cv2.resize(coarse, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)


def draw_context(seed: int = 1, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 20, (channels, 6, 9)).astype(np.float32)


@torch.no_grad()
def naive(
    net: CamNet, image: np.ndarray, scales: tuple[float, ...], context: np.ndarray | None
) -> dict[str, np.ndarray]:
    """One image and one flip at a time; all classes, before the choice of keys."""
    height, width = image.shape[:2]
    small = np.zeros((CLASSES, -(-height // 4), -(-width // 4)))
    large = np.zeros((CLASSES, height, width))
    logits = []
    for scale in scales:
        scaled = image
        if scale != 1:
            size = (round(width * scale), round(height * scale))
            how = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
            scaled = cv2.resize(image, size, interpolation=how)
        for flip in (False, True):
            pixels, m = scaled, context
            if flip:
                pixels = pixels[:, ::-1]
                m = None if m is None else m[..., ::-1]
            x = torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None]
            m_tensor = None if m is None else torch.from_numpy(m.copy())[None]
            maps = net.activation_maps(net.backbone.normalise(x), m_tensor)
            if scale == 1:
                logits.append(net(net.backbone.normalise(x), m_tensor)[0].numpy())
            maps = maps.flip(-1) if flip else maps
            sides = -(-height // 16) * 16, -(-width // 16) * 16
            for total, side in ((small, small.shape[1:]), (large, sides)):
                resized = F.interpolate(maps, side, mode="bilinear", align_corners=False)[0]
                total += resized.numpy()[:, : total.shape[1], : total.shape[2]]
    return {
        "cam": small / (small.max((1, 2), keepdims=True) + 1e-5),
        "high_res": large / (large.max((1, 2), keepdims=True) + 1e-5),
        "probability": 1 / (1 + np.exp(-sum(logits) / 2)),
    }


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [0, 1, 3])
def test_naive_loop(net: CamNet, context_net: CamNet, size: tuple[int, int], channels: int) -> None:
    model = (net, context_net, build(5, 3))[min(channels, 2)]
    context = draw_context(channels=channels) if channels else None
    image, scales = draw(size), (1.0, 0.5, 1.5)
    found = extract(model, image, KEYS, scales, context)
    expected = naive(model, image, scales, context)
    np.testing.assert_allclose(found.cam, expected["cam"][KEYS], atol=1e-4)
    np.testing.assert_allclose(found.high_res, expected["high_res"][KEYS], atol=2e-3)
    np.testing.assert_allclose(found.probability, expected["probability"], atol=1e-5)


@pytest.mark.parametrize("size", SIZES)
def test_shapes_types_and_range(net: CamNet, size: tuple[int, int]) -> None:
    found = extract(net, draw(size), KEYS, (1.0, 0.5))
    assert found.cam.shape == (2, -(-size[0] // 4), -(-size[1] // 4))
    assert found.high_res.shape == (2, *size)
    assert found.probability.shape == (CLASSES,)
    assert found.cam.dtype == found.probability.dtype == np.float32
    assert found.high_res.dtype == np.float16
    for maps in (found.cam, found.high_res):
        assert maps.min() >= 0
        np.testing.assert_allclose(maps.max((1, 2)), 1, atol=2e-3)
    assert ((found.probability > 0) & (found.probability < 1)).all()


def test_only_the_image_s_own_classes(net: CamNet) -> None:
    image = draw((48, 64))
    every = extract(net, image, np.arange(CLASSES), (1.0,))
    some = extract(net, image, KEYS, (1.0,))
    np.testing.assert_allclose(some.cam, every.cam[KEYS], atol=1e-6)
    np.testing.assert_array_equal(some.probability, every.probability)
    assert not np.allclose(every.cam[0], every.cam[1], atol=1e-2)


def test_no_tags(net: CamNet) -> None:
    found = extract(net, draw((50, 37)), np.zeros(0, np.int64), (1.0, 0.5))
    assert found.cam.shape == (0, 13, 10)
    assert found.high_res.shape == (0, 50, 37)
    assert (found.cam.dtype, found.high_res.dtype) == (np.float32, np.float16)
    np.testing.assert_array_equal(
        found.probability, extract(net, draw((50, 37)), KEYS, (1.0,)).probability
    )


def mirrored(found: ImageCams) -> tuple[np.ndarray, np.ndarray]:
    return found.cam[..., ::-1], found.high_res[..., ::-1]


@pytest.mark.parametrize("size", [(48, 64), (50, 48)])
def test_the_cam_of_a_flipped_image_is_the_flipped_cam(
    net: CamNet, context_net: CamNet, size: tuple[int, int]
) -> None:
    image = draw(size)
    for model, context in ((net, None), (context_net, draw_context())):
        plain = extract(model, image, KEYS, (1.0, 0.5), context)
        turned = None if context is None else context[..., ::-1].copy()
        flipped = extract(model, image[:, ::-1].copy(), KEYS, (1.0, 0.5), turned)
        for one, other in zip(mirrored(flipped), (plain.cam, plain.high_res), strict=True):
            np.testing.assert_allclose(one, other, atol=2e-2)
        np.testing.assert_allclose(flipped.probability, plain.probability, atol=1e-4)
        assert np.abs(plain.cam - plain.cam[..., ::-1]).max() > 0.05
    wrong = extract(context_net, image[:, ::-1].copy(), KEYS, (1.0, 0.5), draw_context())
    assert np.abs(mirrored(wrong)[0] - plain.cam).max() > 0.05


def test_without_scale_one(net: CamNet) -> None:
    """The probability is still that of the image as it is; the maps are not."""
    image = draw((48, 64))
    whole = extract(net, image, KEYS, (1.0,))
    half = extract(net, image, KEYS, (0.5,))
    np.testing.assert_array_equal(half.probability, whole.probability)
    assert not np.allclose(half.cam, whole.cam, atol=1e-2)
    np.testing.assert_allclose(half.cam, naive(net, image, (0.5,), None)["cam"][KEYS], atol=1e-4)
    # the order of scales does not matter
    for scales in ((1.0, 0.5), (0.5, 1)):
        found = extract(net, image, KEYS, scales)
        np.testing.assert_array_equal(found.probability, whole.probability)


def test_a_map_of_zeros_stays_zero(net: CamNet) -> None:
    dead = build()
    with torch.no_grad():
        dead.classifier.weight[1] = -1.0
    found = extract(dead, draw((48, 64)), KEYS, (1.0,))
    assert not found.cam[0].any()
    assert not found.high_res[0].any()
    assert found.cam[1].max() > 0.99


def test_context_is_used(context_net: CamNet) -> None:
    image = draw((48, 64))
    one = extract(context_net, image, KEYS, (1.0,), draw_context(1))
    other = extract(context_net, image, KEYS, (1.0,), draw_context(2))
    assert np.abs(one.cam - other.cam).max() > 0.05
    with pytest.raises(ValueError, match="reads a context"):
        extract(context_net, image, KEYS, (1.0,))
