from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from conta_core.causal.conta.attention import ContextAttention

COUNT, SIZE = 3, (4, 5)


def draw(images: int = 12) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Confounders, prior, masks whose values tell the class, and tags."""
    generator = torch.Generator().manual_seed(0)
    confounders = torch.rand(COUNT, *SIZE, generator=generator)
    prior = torch.tensor([0.5, 0.3, 0.2])
    tags = torch.zeros(images, COUNT)
    masks = torch.zeros(images, *SIZE)
    for k in range(images):
        index = k % COUNT
        tags[k, index] = 1
        masks[k, index, : 2 + k % 3] = (index + 1) / COUNT
    return confounders, prior, masks, tags


def build(seed: int = 1) -> ContextAttention:
    confounders, prior, _, _ = draw()
    return ContextAttention(confounders, prior, torch.Generator().manual_seed(seed))


@torch.no_grad()
def test_equation() -> None:
    """alpha = softmax((W1 X)^T (W2 c_i) / sqrt(n)), M = sum alpha_i c_i P(c_i), in loops."""
    attention = build()
    confounders, prior, masks, _ = (x.double().numpy() for x in draw())
    w1, w2 = attention.w1.double().numpy(), attention.w2.double().numpy()
    assert w1.shape == w2.shape == (COUNT, SIZE[0] * SIZE[1])
    # scores of a size that makes alpha far from uniform
    attention.w1 *= 40
    contexts, alphas = attention(draw()[2])
    scores = attention.scores(draw()[2])
    for k, mask in enumerate(masks):
        query = np.array([sum(40 * w1[j] * mask.ravel()) for j in range(COUNT)])
        expected = []
        for i in range(COUNT):
            key = np.array([sum(w2[j] * confounders[i].ravel()) for j in range(COUNT)])
            expected.append(float(query @ key) / math.sqrt(COUNT))
        np.testing.assert_allclose(scores[k], expected, rtol=1e-4, atol=1e-5)
        exponentials = np.exp(expected)
        alpha = exponentials / exponentials.sum()
        np.testing.assert_allclose(alphas[k], alpha, rtol=1e-4)
        m = sum(alpha[i] * confounders[i] * prior[i] for i in range(COUNT))
        np.testing.assert_allclose(contexts[k], m, rtol=1e-4)
    assert contexts.shape == (12, *SIZE)
    assert float(alphas.max() - alphas.min()) > 0.2


@torch.no_grad()
def test_alpha_is_a_distribution() -> None:
    attention = build()
    attention.w1 *= 1000
    _, alphas = attention(draw()[2])
    assert alphas.shape == (12, COUNT)
    torch.testing.assert_close(alphas.sum(1), torch.ones(12))
    assert float(alphas.min()) >= 0


@torch.no_grad()
def test_each_image_on_its_own() -> None:
    attention, masks = build(), draw()[2]
    together = attention(masks)
    for k in range(len(masks)):
        for one, all_of_them in zip(attention(masks[k : k + 1]), together, strict=True):
            torch.testing.assert_close(one[0], all_of_them[k])


def tag_loss(attention: ContextAttention, masks: Tensor, tags: Tensor) -> float:
    """Multilabel soft margin, written out."""
    scores = attention.scores(masks).detach().double().numpy()
    y = tags.numpy()
    probability = 1 / (1 + np.exp(-scores))
    each = -(y * np.log(probability) + (1 - y) * np.log(1 - probability))
    return float(each.mean())


def test_learning_lowers_the_tag_loss() -> None:
    attention = build()
    _, _, masks, tags = draw()
    before = tag_loss(attention, masks, tags)
    first = build().learn(masks, tags, 1, 0.01)
    assert first == pytest.approx(before, rel=1e-5)
    last = attention.learn(masks, tags, 300, 0.01)
    after = tag_loss(attention, masks, tags)
    assert after < 0.3 * before
    assert last == pytest.approx(after, rel=0.05)
    # and so alpha names the tag
    with torch.no_grad():
        _, alphas = attention(masks)
    assert torch.equal(alphas.argmax(1), tags.argmax(1))


def test_only_w1_and_w2_learn() -> None:
    attention = build()
    confounders, prior, masks, tags = draw()
    start = attention.w1.detach().clone(), attention.w2.detach().clone()
    assert {name for name, _ in attention.named_parameters()} == {"w1", "w2"}
    attention.learn(masks, tags, 5, 0.01)
    assert not torch.equal(attention.w1, start[0])
    assert not torch.equal(attention.w2, start[1])
    assert torch.equal(attention.confounders, confounders)
    assert torch.equal(attention.prior, prior)


def test_no_steps_leave_the_weights() -> None:
    attention, fresh = build(), build()
    _, _, masks, tags = draw()
    assert math.isnan(attention.learn(masks, tags, 0, 0.01))
    assert torch.equal(attention.w1, fresh.w1)
    assert torch.equal(attention.w2, fresh.w2)


def test_weights_hang_on_the_generator_alone() -> None:
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    one = build(5)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(1)
    assert torch.equal(build(5).w1, one.w1)
    assert torch.equal(build(5).w2, one.w2)
    assert not torch.equal(build(6).w1, one.w1)
    assert not torch.equal(one.w1, one.w2)


def test_size_of_the_initial_weights() -> None:
    attention = ContextAttention(
        torch.zeros(20, 16, 16), torch.full((20,), 0.05), torch.Generator().manual_seed(0)
    )
    for weight in (attention.w1, attention.w2):
        assert float(weight.detach().std()) == pytest.approx(1 / 16, rel=0.05)


@torch.no_grad()
def test_by_class() -> None:
    """The summands of M; the attention is the same."""
    attention = build()
    masks = draw()[2]
    whole, alpha = attention(masks)
    summands, same = attention(masks, by_class=True)
    assert torch.equal(same, alpha)
    assert summands.shape == (12, COUNT, *SIZE)
    torch.testing.assert_close(summands.sum(dim=1), whole)
    confounders, prior, _, _ = draw()
    expected = alpha[:, :, None, None] * confounders * prior[:, None, None]
    torch.testing.assert_close(summands, expected)
