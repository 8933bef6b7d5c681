from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from conta_core.causal.intervention.recombination import Intervened
from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest
from conta_core.runtime.seeding import numpy_generator
from conta_core.settings import TrainingSettings
from conta_core.training.views import View, ViewedImages, draw_view

SIZE = (90, 150)
#: rows and columns of the bright square, off the middle both ways
SQUARE = (slice(20, 48), slice(88, 128))
FILL = (7, 8, 9)
IDS = ("a", "b")
SEED = (3, 0, "stage")


def square(value: int, rest: int = 0) -> np.ndarray:
    array = np.full(SIZE, rest, np.uint8)
    array[SQUARE] = value
    return array


def context_map() -> np.ndarray:
    """The square on a coarse grid, float32 (1, 18, 30)."""
    return square(1).reshape(1, 18, 5, 30, 5).mean(axis=(2, 4)).astype(np.float32)


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    records = {}
    for image_id in IDS:
        path = tmp_path / f"{image_id}.png"
        Image.fromarray(np.repeat(square(255)[..., None], 3, axis=2)).save(path)
        records[image_id] = ImageRecord(image_id, str(path), *SIZE, tags=("dog",))
    lists = {"train": IDS, "val": ()}
    return Manifest("set", ("cat", "dog"), lists, {"train": "t", "val": "v"}, records)


def sizes(
    resize: tuple[float, float] = (120, 200), crop: int = 96, **others: Any
) -> TrainingSettings:
    return TrainingSettings(resize=resize, crop=crop, **others)


def viewed(
    manifest: Manifest,
    settings: TrainingSettings = sizes(),  # noqa: B008
    seed: tuple[int | str, ...] = SEED,
) -> ViewedImages:
    return ViewedImages(
        manifest,
        IDS,
        settings=settings,
        seed=seed,
        fill=FILL,
        labels=lambda image_id: square(1),
        context=lambda image_id: context_map(),
    )


def centroid(weights: np.ndarray, cell: int = 1) -> np.ndarray:
    """Row and column of the centre of mass, in pixels of the crop."""
    rows, columns = np.indices(weights.shape)
    total = weights.sum()
    at = np.array([(rows * weights).sum() / total, (columns * weights).sum() / total])
    return (at + 0.5) * cell - 0.5


def whole_square(labels: np.ndarray) -> bool:
    """Whether the square lies in the crop, away from its border."""
    inside = labels == 1
    border = np.concatenate(
        [inside[:9].ravel(), inside[-9:].ravel(), inside[:, :9].ravel(), inside[:, -9:].ravel()]
    )
    return bool(inside.any()) and not border.any()


def test_image_labels_and_context_lie_on_one_another(manifest: Manifest) -> None:
    images = viewed(manifest)
    seen = {False: 0, True: 0}
    for number in range(120):
        sample = images[0, number]
        labels = sample["labels"].numpy()
        if not whole_square(labels):
            continue
        view = draw_view(numpy_generator(*SEED, "a", number), SIZE, sizes())
        seen[view.flip] += 1
        bright = centroid((sample["image"][0].numpy() > 128).astype(float))
        np.testing.assert_allclose(centroid((labels == 1).astype(float)), bright, atol=1.0)
        context = sample["context"][0].numpy().astype(float)
        np.testing.assert_allclose(centroid(context, cell=8), bright, atol=1.0)
        # and where the geometry says, computed by hand
        scale = view.height / SIZE[0], view.width / SIZE[1]
        row = (20 + 48) / 2 * scale[0] - 0.5 - view.top
        column = (88 + 128) / 2 * scale[1] - 0.5
        column = view.width - 1 - column if view.flip else column
        np.testing.assert_allclose(bright, [row, column - view.left], atol=1.0)
    assert min(seen.values()) >= 5


def test_what_a_sample_holds(manifest: Manifest) -> None:
    sample = viewed(manifest)[1, 4]
    assert {name: (value.dtype, tuple(value.shape)) for name, value in sample.items()} == {
        "image": (torch.uint8, (3, 96, 96)),
        "tags": (torch.float32, (2,)),
        "labels": (torch.uint8, (96, 96)),
        "context": (torch.float32, (1, 12, 12)),
    }
    assert sample["tags"].tolist() == [0, 1]
    assert set(sample["labels"].unique().tolist()) <= {0, 1, 255}
    plain = ViewedImages(manifest, IDS, settings=sizes(), seed=SEED, fill=FILL)
    assert set(plain[1, 4]) == {"image", "tags"}
    # what lies on an image draws nothing
    assert torch.equal(plain[1, 4]["image"], sample["image"])
    assert len(plain) == 2


def test_each_channel_of_a_context_is_seen_alike(manifest: Manifest) -> None:
    """Six channels (more than an image may have), each as if it were the only one."""
    layers = np.random.default_rng(0).random((6, 18, 30)).astype(np.float32)

    def seen(context: np.ndarray, number: int) -> torch.Tensor:
        images = ViewedImages(
            manifest, IDS, settings=sizes(), seed=SEED, fill=FILL, context=lambda _: context
        )
        return images[0, number]["context"]

    for number in range(8):
        found = seen(layers, number)
        assert found.shape == (6, 12, 12)
        for layer, one in zip(layers, found, strict=True):
            assert torch.equal(seen(layer[None], number)[0], one)


def test_outside_the_image(manifest: Manifest) -> None:
    """A crop larger than the image: one colour, ignored, and no context."""
    images = viewed(manifest, sizes((64, 80)))
    for number in range(12):
        sample = images[0, number]
        view = draw_view(numpy_generator(*SEED, "a", number), SIZE, sizes((64, 80)))
        inside = np.zeros((96, 96), bool)
        inside[-view.top :, -view.left :][: view.height, : view.width] = True
        assert inside.sum() == view.height * view.width
        image, labels = sample["image"].numpy(), sample["labels"].numpy()
        assert (image[:, ~inside] == np.array(FILL)[:, None]).all()
        assert (labels[~inside] == 255).all()
        assert (labels[inside] != 255).all()
        assert not (image[0][inside] == FILL[0]).all()
        context = sample["context"][0].numpy()
        far = cv2.resize(inside.astype(np.float32), (12, 12), interpolation=cv2.INTER_AREA) == 0
        assert far.any()
        assert (context[far] == 0).all()
        assert context.max() > 0.5


def test_views_are_of_the_seed_the_image_and_the_number(manifest: Manifest) -> None:
    def pixels(images: ViewedImages, index: int, number: int) -> bytes:
        return images[index, number]["image"].numpy().tobytes()

    images = viewed(manifest)
    first = pixels(images, 0, 0)
    assert pixels(images, 0, 1) != first
    np.random.default_rng().random(3)
    assert pixels(viewed(manifest), 0, 0) == first
    # the images are the same, their ids are not
    assert pixels(images, 1, 0) != first
    assert pixels(viewed(manifest, seed=(4, 0, "stage")), 0, 0) != first


@pytest.mark.parametrize("size", [(10, 10), (375, 500), (500, 375), (1, 900)])
@pytest.mark.parametrize(("resize", "crop"), [((112, 176), 128), ((64, 64), 32), ((16, 20), 512)])
def test_always_four_numbers(size: tuple[int, int], resize: tuple[int, int], crop: int) -> None:
    drawing, counting = np.random.default_rng(5), np.random.default_rng(5)
    for _ in range(3):
        draw_view(drawing, size, sizes(resize, crop))
        counting.random(4)
    assert drawing.bit_generator.state == counting.bit_generator.state


def test_bounds() -> None:
    rng = np.random.default_rng(0)
    views = [draw_view(rng, (60, 120), sizes((100, 140), 60)) for _ in range(3000)]
    assert {view.width for view in views} == set(range(100, 141))
    assert 0.45 < np.mean([view.flip for view in views]) < 0.55
    for view in views:
        assert view.height == round(60 * view.width / 120)
        assert view.crop == 60
        rows, columns = view.height - 60, view.width - 60
        assert min(0, rows) <= view.top <= max(0, rows)
        assert 0 <= view.left <= columns
    # both ends are reached, of crops inside and of images inside the crop
    views = [draw_view(rng, (60, 120), sizes((110, 110), 60)) for _ in range(1000)]
    assert {view.left for view in views} == set(range(51))
    assert {view.top for view in views} == set(range(-5, 1))


def test_sizes_by_a_factor() -> None:
    """IRNet's IRN and deeplab-pytorch scale by a factor, whatever the image's size."""
    rng = np.random.default_rng(0)
    free = sizes((0.5, 1.5), 60, resize_by="factor")
    heights = [draw_view(rng, (100, 200), free).height for _ in range(2000)]
    assert set(heights) == set(range(50, 151))
    steps = sizes((0.5, 1.5), 60, resize_by="factor", resize_steps=5)
    counts = Counter(draw_view(rng, (100, 200), steps).height for _ in range(2000))
    assert set(counts) == {50, 75, 100, 125, 150}
    assert min(counts.values()) > 300


def test_a_view_by_hand() -> None:
    array = np.arange(12, dtype=np.uint8).reshape(3, 4)
    plain = View(3, 4, False, top=1, left=1, crop=2)
    np.testing.assert_array_equal(plain.apply(array, cv2.INTER_NEAREST, 0), [[5, 6], [9, 10]])
    flipped = View(3, 4, True, top=0, left=0, crop=2)
    np.testing.assert_array_equal(flipped.apply(array, cv2.INTER_NEAREST, 0), [[3, 2], [7, 6]])
    padded = View(3, 4, False, top=-1, left=2, crop=4)
    expected = [[9, 9, 9, 9], [2, 3, 9, 9], [6, 7, 9, 9], [10, 11, 9, 9]]
    np.testing.assert_array_equal(padded.apply(array, cv2.INTER_NEAREST, 9), expected)
    colours = np.stack([array] * 3, axis=2)
    assert padded.apply(colours, cv2.INTER_LINEAR, 9).shape == (4, 4, 3)
    doubled = View(6, 8, False, top=0, left=0, crop=6).apply(array, cv2.INTER_NEAREST, 0)
    np.testing.assert_array_equal(doubled, array.repeat(2, 0).repeat(2, 1)[:, :6])


def test_an_intervened_image_is_seen_under_the_same_view(manifest: Manifest) -> None:
    """Image, tags and counted classes are the intervention's; the view is the real image's."""
    negative = np.repeat(square(0, rest=255)[..., None], 3, axis=2)
    tags, counted = np.array([1, 0], np.float32), np.array([1, 0], np.float32)

    def intervene(image_id: str, number: int) -> Intervened | None:
        return Intervened(negative, tags, counted, square(2, 255)) if number % 2 else None

    options: dict[str, Any] = {"settings": sizes(resize=(150, 150)), "seed": SEED, "fill": FILL}
    plain = ViewedImages(manifest, IDS, **options)
    acting = ViewedImages(manifest, IDS, **options, intervene=intervene)
    for number in range(4):
        before, after = plain[0, number], acting[0, number]
        assert "counted" not in before
        if number % 2 == 0:
            assert torch.equal(before["image"], after["image"])
            assert after["counted"].tolist() == [1, 1]
            assert torch.equal(before["tags"], after["tags"])
        else:
            inside = (before["image"] == 0) | (before["image"] == 255)
            assert torch.equal(255 - before["image"][inside], after["image"][inside])
            assert after["tags"].tolist() == [1, 0]
            assert after["counted"].tolist() == [1, 0]
    whole, _ = acting.whole(0)
    assert torch.equal(whole["image"], plain.whole(0)[0]["image"])
    own = np.array([0.5, 3], np.float32)
    weighted = ViewedImages(
        manifest, IDS, **options, intervene=intervene, weights=lambda image_id: own
    )
    assert [weighted[0, n]["counted"].tolist() for n in (0, 1)] == [[0.5, 3], [1, 0]]


def test_labels_are_those_of_the_image_that_is_seen(manifest: Manifest) -> None:
    one = np.ones(2, np.float32)
    seen = Intervened(np.zeros((*SIZE, 3), np.uint8), one, one, square(2, 255))
    images = ViewedImages(
        manifest,
        IDS,
        settings=sizes(resize=(150, 150)),
        seed=SEED,
        fill=FILL,
        labels=lambda _: square(1),
        intervene=lambda image_id, number: seen if number else None,
    )
    plain, other = (images[0, number]["labels"] for number in (0, 1))
    assert {0, 1} <= set(plain.unique().tolist()) <= {0, 1, 255}
    assert set(other.unique().tolist()) == {2, 255}


def test_colours_have_draws_of_their_own(manifest: Manifest) -> None:
    """Other colours, the same crops; each view has colours of its own, and again the same ones."""

    def darker(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        return (image * generator.uniform(0.2, 0.9)).astype(np.uint8)

    def build(recolour: Any) -> ViewedImages:
        return ViewedImages(
            manifest,
            IDS,
            settings=sizes(),
            seed=SEED,
            fill=FILL,
            labels=lambda image_id: square(1),
            recolour=recolour,
        )

    plain, changed = build(None), build(darker)
    brightest = set()
    for key in [(0, 0), (0, 1), (1, 0)]:
        before, after = plain[key], changed[key]
        assert torch.equal(before["labels"], after["labels"])
        assert torch.equal(after["image"], build(darker)[key]["image"])
        assert int(before["image"].max()) == 255
        brightest.add(int(after["image"].max()))
    assert len(brightest) == 3
    assert max(brightest) < 255
    assert torch.equal(plain.whole(0)[0]["image"], changed.whole(0)[0]["image"])
