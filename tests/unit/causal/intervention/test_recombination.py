from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from painted_set import COLOURS, GREY, OBJECTS, SIZE, masks_of

from conta_core.causal.intervention.recombination import Intervened, Intervention
from conta_core.data.manifest import Manifest
from conta_core.images.photographs import read_image
from conta_core.settings import ContextSettings, InterventionSettings

SEED = (0, 1, "train_cam")


def intervention(
    recombined_set: tuple[Manifest, Path],
    changed: dict[str, np.ndarray] | None = None,
    seed: tuple[int | str, ...] = SEED,
    prior: Any = "uniform",
    recombined: float = 0.0,
    counterfactual: float = 0.0,
    taken: dict[str, list[int]] | None = None,
    **settings: Any,
) -> Intervention:
    manifest, folder = recombined_set
    context = ContextSettings(
        method="intervention", prior=prior, intervention=InterventionSettings(**settings)
    )
    return Intervention(
        manifest,
        manifest.ids("train"),
        masks_of(folder, changed),
        context,
        recombined=recombined,
        counterfactual=counterfactual,
        seed=seed,
        taken=taken or {},
    )


def some(found: Intervened | None) -> Intervened:
    assert found is not None
    return found


def seen(image: np.ndarray) -> set[int]:
    """Classes whose colour can be seen in a part of the image."""
    grey = (np.ptp(image.astype(int), axis=2) < 12).astype(bool)
    values = image[..., 0].astype(int)
    return {i for i, value in GREY.items() if (grey & (abs(values - value) < 6)).sum() > 40}


def test_kinds_come_in_their_shares(recombined_set: tuple[Manifest, Path]) -> None:
    act = intervention(recombined_set, recombined=0.5, counterfactual=0.2)
    kinds: Counter[str] = Counter()
    for number in range(600):
        found = act("blue", number)
        if found is None:
            kinds["real"] += 1
        else:
            kinds["recombined" if found.tags.any() else "counterfactual"] += 1
    assert kinds["recombined"] == pytest.approx(300, abs=40)
    assert kinds["counterfactual"] == pytest.approx(120, abs=35)
    assert kinds["real"] == pytest.approx(180, abs=40)


def test_labels_of_a_counterfactual_say_nothing_of_the_hole(
    recombined_set: tuple[Manifest, Path],
) -> None:
    found = some(intervention(recombined_set, counterfactual=1.0)("blue", 0))
    truth = masks_of(recombined_set[1])("blue")
    assert np.array_equal(found.labels, np.where(truth != 0, 255, 0))


def test_labels_lie_on_what_was_set_in(recombined_set: tuple[Manifest, Path]) -> None:
    """Objects are grey and contexts are not: each label but 255 can be read off the colours."""
    act = intervention(recombined_set, recombined=1.0)
    labelled: Counter[int] = Counter()
    for image_id, colour in COLOURS.items():
        hole = masks_of(recombined_set[1])(image_id) != 0
        for number in range(20):
            found = some(act(image_id, number))
            pixels = found.image.astype(int)
            for index, value in GREY.items():
                inside = found.labels == index + 1
                assert inside.any() == bool(found.tags[index])
                assert (np.abs(pixels[inside] - value) < 130).all()  # half of a rim's opacity
                labelled[index] += int(inside.sum())
            background = found.labels == 0
            assert np.abs(pixels[background] - colour).max() <= 25  # a tenth of a rim's opacity
            assert not (background & hole).any()
            unknown = found.labels == 255
            assert unknown[~hole].mean() < 0.1
    assert min(labelled[0], labelled[1]) > 1000


@pytest.mark.parametrize("image_id", COLOURS)
def test_a_counterfactual_is_the_context_alone(
    recombined_set: tuple[Manifest, Path], image_id: str
) -> None:
    act = intervention(recombined_set, recombined=0.0, counterfactual=1.0)
    found = some(act(image_id, 0))
    assert np.abs(found.image.astype(int) - COLOURS[image_id]).max() <= 3
    assert not found.tags.any()
    assert found.counted.all()


def test_a_missed_object_may_still_be_there(recombined_set: tuple[Manifest, Path]) -> None:
    nothing = np.zeros(SIZE, np.uint8)
    act = intervention(recombined_set, {"red": nothing}, recombined=0.0, counterfactual=1.0)
    found = some(act("red", 0))
    assert found.counted.tolist() == [0.0, 1.0]
    assert np.array_equal(found.image, read_image(recombined_set[1] / "red-photo.png"))


def test_an_object_of_a_companion_is_never_set_in(
    recombined_set: tuple[Manifest, Path],
) -> None:
    """The white square of red is blue's: no image shows it, and red's own may still be there."""
    act = intervention(recombined_set, recombined=1.0, taken={"red": [0], "blue": [0]})
    for image_id in COLOURS:
        for number in range(20):
            found = some(act(image_id, number))
            assert found.tags.tolist() == [0.0, 1.0]
            assert found.counted[0] == (image_id == "green")


def test_a_swallowed_context_is_no_counterfactual(recombined_set: tuple[Manifest, Path]) -> None:
    whole = np.full(SIZE, 2, np.uint8)
    act = intervention(
        recombined_set, {"green": whole}, recombined=0.0, counterfactual=1.0, area_filter=(0.1, 1.5)
    )
    assert act("green", 0) is None
    assert act("red", 0) is not None


def test_recombined_images_show_their_tags_on_the_image_s_context(
    recombined_set: tuple[Manifest, Path],
) -> None:
    act = intervention(recombined_set, recombined=1.0, counterfactual=0.0)
    pairs = set()
    for image_id, colour in COLOURS.items():
        for number in range(30):
            found = some(act(image_id, number))
            expected = {i for i in range(2) if found.tags[i]}
            assert len(expected) == len(OBJECTS[image_id])
            counted = {i for i in expected if found.counted[i]}
            assert counted <= seen(found.image) <= expected
            context = np.abs(found.image.astype(int) - colour).max(axis=2) <= 3
            assert context.mean() > 0.7
            pairs |= {(image_id, i) for i in counted}
    assert pairs == {(image_id, i) for image_id in COLOURS for i in range(2)}


def test_own_backgrounds_give_the_image_back(recombined_set: tuple[Manifest, Path]) -> None:
    act = intervention(recombined_set, recombined=1.0, counterfactual=0.0, backgrounds="own")
    manifest, folder = recombined_set
    for image_id in COLOURS:
        found = some(act(image_id, 0))
        before = read_image(folder / f"{image_id}-photo.png").astype(int)
        assert np.array_equal(found.tags, manifest.tag_vector(image_id))
        assert np.abs(found.image - before).mean() < 3
        assert seen(found.image) == set(OBJECTS[image_id])


def test_a_covered_object_is_not_counted(
    recombined_set: tuple[Manifest, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conta_core.causal.intervention.recombination.VISIBLE", 0.8)
    act = intervention(recombined_set, recombined=1.0, counterfactual=0.0)
    uncounted = 0
    for number in range(300):
        found = some(act("blue", number))
        for index in np.flatnonzero(found.counted == 0):
            assert found.tags[index] == 1
            grey = np.ptp(found.image.astype(int), axis=2) < 12
            left = (grey & (abs(found.image[..., 0].astype(int) - GREY[index]) < 6)).sum()
            assert left <= 0.85 * 400
            uncounted += 1
    assert uncounted > 0


def test_the_prior_draws_the_classes(recombined_set: tuple[Manifest, Path]) -> None:
    """Squares are trusted in one image of three, bars in two."""
    mask = np.zeros(SIZE, np.uint8)
    mask[50:60, 5:45] = 2
    shares = {}
    for prior in ("uniform", "empirical"):
        act = intervention(
            recombined_set, {"blue": mask}, recombined=1.0, counterfactual=0.0, prior=prior
        )
        shares[prior] = np.mean([some(act("red", n)).tags[0] for n in range(400)])
    assert shares["uniform"] == pytest.approx(1 / 2, abs=0.08)
    assert shares["empirical"] == pytest.approx(1 / 3, abs=0.08)


def test_draws_hang_on_seed_image_and_number(recombined_set: tuple[Manifest, Path]) -> None:
    def drawn(seed: int, image_id: str, number: int) -> np.ndarray:
        act = intervention(
            recombined_set, seed=(seed, 1, "train_cam"), recombined=1.0, counterfactual=0.0
        )
        return some(act(image_id, number)).image

    first = drawn(0, "red", 0)
    assert np.array_equal(first, drawn(0, "red", 0))
    assert not np.array_equal(first, drawn(0, "red", 1))
    assert not np.array_equal(first, drawn(1, "red", 0))
