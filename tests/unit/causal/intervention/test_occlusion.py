from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from painted_set import GREY, SIZE, masks_of
from torch import Tensor, nn

from conta_core.causal.intervention.occlusion import score_drops
from conta_core.causal.intervention.ownership import taken_by_companions
from conta_core.data.manifest import Manifest
from conta_core.images.photographs import read_image
from conta_core.networks.cam_net import CamNet

#: pixels of a class's grey, in thousands, are its logit
UNIT = 1000


class Counting(nn.Module):
    """A classifier that counts the pixels of each class's colour; a third class sees white too."""

    def __init__(self) -> None:
        super().__init__()
        self.anchor = nn.Parameter(torch.zeros(1))
        self.backbone = self
        self.asked = 0

    def normalise(self, images: Tensor) -> Tensor:
        return images.float()

    def forward(self, images: Tensor) -> Tensor:
        self.asked += len(images)
        white, grey = ((images - GREY[i]).abs().amax(dim=1) < 2 for i in (0, 1))
        counts = [x.sum(dim=(1, 2)) / UNIT for x in (white, grey, white)]
        return torch.stack(counts, dim=1) + self.anchor


def drops(folder: Path, mask: np.ndarray, keys: list[int]) -> np.ndarray:
    model = cast(Any, Counting())
    image = read_image(folder / "blue-photo.png")
    return score_drops(cast(CamNet, model), image, mask, np.array(keys))


def test_what_is_filled_in_is_what_falls(recombined_set: tuple[Manifest, Path]) -> None:
    """Both objects of the image have 400 pixels; classes 0 and 2 see the white one."""
    mask = masks_of(recombined_set[1])("blue")
    found = drops(recombined_set[1], mask, [0, 1, 2])
    assert found.dtype == np.float32
    expected = [[0.4, 0.0, 0.4], [0.0, 0.4, 0.0], [0.0, 0.0, 0.0]]
    assert found == pytest.approx(np.array(expected), abs=1e-6)


def test_columns_are_the_image_s_tags(recombined_set: tuple[Manifest, Path]) -> None:
    mask = masks_of(recombined_set[1])("blue")
    expected = np.array([[0.4, 0.0], [0.0, 0.0]])
    assert drops(recombined_set[1], mask, [1, 2]) == pytest.approx(expected)


def test_a_swapped_mask_is_told(recombined_set: tuple[Manifest, Path]) -> None:
    """The mask calls the white square class 1 and the grey bar class 0."""
    right = masks_of(recombined_set[1])("blue")
    swapped = np.where(right == 1, 2, np.where(right == 2, 1, 0)).astype(np.uint8)
    folder = recombined_set[1]
    assert taken_by_companions(drops(folder, swapped, [0, 1])).tolist() == [True, True]
    assert taken_by_companions(drops(folder, right, [0, 1])).tolist() == [False, False]


def test_without_objects_or_companions_nothing_is_asked(
    recombined_set: tuple[Manifest, Path],
) -> None:
    model = Counting()
    image = read_image(recombined_set[1] / "blue-photo.png")
    empty = np.zeros(SIZE, np.uint8)
    for keys in ([0, 1], []):
        found = score_drops(cast(CamNet, model), image, empty, np.array(keys, dtype=np.int64))
        assert found.shape == (len(keys), len(keys))
        assert not found.any()
        assert not taken_by_companions(found).any()
    mask = masks_of(recombined_set[1])("blue")
    score_drops(cast(CamNet, model), image, mask, np.array([0]))  # whose could it be else?
    assert model.asked == 0


@pytest.mark.parametrize(
    ("drop", "expected"),
    [
        ([[-3.0]], [False]),  # nobody else could have it
        ([[1.0, 1.0], [0.0, 0.0]], [False, False]),  # a tie leaves it
        ([[1.0, 1.1], [-1.0, -2.0]], [True, True]),
        ([[2.0, 0.0, 1.9], [0.0, 0.5, 0.6], [0.0, 0.0, 0.0]], [False, True, False]),
    ],
)
def test_whose_an_object_is(drop: list[list[float]], expected: list[bool]) -> None:
    assert taken_by_companions(np.array(drop)).tolist() == expected
