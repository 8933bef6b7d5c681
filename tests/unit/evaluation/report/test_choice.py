from __future__ import annotations

import pytest

from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.evaluation.report.choice import (
    Judgement,
    by_chance,
    judge,
    picture_sets,
    tagged_images,
)
from conta_core.evaluation.report.pictures import shown_rounds


def manifest_of(count: int) -> Manifest:
    records = {
        f"i{i}": ImageRecord(f"i{i}", "", 1, 1, ("cat",) if i % 2 else ()) for i in range(count)
    }
    lists = {"train": tuple(records), "val": ()}
    return Manifest("set", ("cat",), lists, {"train": "t", "val": "v"}, records)


def test_images_by_chance_are_tagged_and_always_the_same() -> None:
    ids = tagged_images(manifest_of(40))
    assert ids == [f"i{i}" for i in range(1, 40, 2)]
    chosen = by_chance(ids)
    assert len(set(chosen)) == 6
    assert chosen == sorted(chosen, key=ids.index)
    assert chosen == by_chance(ids)
    assert chosen != ids[:6]
    assert by_chance(ids[:4]) == ids[:4]
    assert by_chance([]) == []


def test_worst_best_and_most_changed() -> None:
    ids = [f"i{i}" for i in range(1, 60, 2)]
    miou = {image_id: float(place * 7 % 30) for place, image_id in enumerate(ids)}
    changed = {image_id: float(place * 11 % 30) for place, image_id in enumerate(ids)}
    _, worst, best, most = picture_sets(manifest_of(60), Judgement(miou, changed))
    assert [miou[i] for i in worst.ids] == list(range(10))
    assert [miou[i] for i in best.ids] == list(range(29, 19, -1))
    assert [changed[i] for i in most.ids] == list(range(29, 19, -1))
    assert (worst.title, best.title) == ("Worst 10", "Best 10")


def test_few_images_are_not_both_worst_and_best() -> None:
    miou = {"i1": 10.0, "i3": 30.0, "i5": 20.0, "i7": 20.0}
    _, worst, best, most = picture_sets(manifest_of(8), Judgement(miou, {}))
    assert (worst.ids, best.ids) == (["i1", "i5"], ["i3", "i7"])
    assert (list(most.ids), most.note) == ([], "One round: nothing to compare.")


def test_without_masks_none_is_best() -> None:
    _, neither, most = picture_sets(manifest_of(8), Judgement({}, {"i1": 1.0}))
    assert list(neither.ids) == []
    assert "No training image has a ground-truth mask" in neither.note
    assert most.ids == ["i1"]


def test_lost_pseudo_mask(tmp_path) -> None:
    with pytest.raises(ContaError, match="lacks the masks of 4 images"):
        judge(manifest_of(8), [str(tmp_path)])


@pytest.mark.parametrize(
    ("count", "shown"),
    [(1, [0]), (3, [0, 1, 2]), (8, list(range(8))), (15, [0, 2, 4, 6, 8, 10, 12, 14])],
)
def test_shown_rounds(count: int, shown: list[int]) -> None:
    assert shown_rounds(count) == shown
