from __future__ import annotations

from pathlib import Path

import numpy as np
from chain import SIDE, Chain, require

from conta_core.manifest import Manifest
from conta_core.masks import read_label_png


def test_pseudo_masks(chain: Chain, data: Manifest) -> None:
    folder = Path(chain.path("pseudo_masks"))
    assert sorted(path.stem for path in folder.iterdir()) == sorted(data.ids("train"))
    for i in data.ids("train"):
        mask = read_label_png(folder / f"{i}.png")
        require(mask, np.uint8, (SIDE, SIDE))
        assert set(np.unique(mask)) <= {0, *(data.tag_indices(i) + 1)}
