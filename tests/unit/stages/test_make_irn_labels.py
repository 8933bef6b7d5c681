from __future__ import annotations

import numpy as np
from chain import SIDE, Chain, opened, require

from conta_core.data.manifest import Manifest


def test_labels(chain: Chain, data: Manifest) -> None:
    with opened(chain, "labels.h5", "labels", data.ids("train")) as store:
        for i in data.ids("train"):
            labels = store.read(i, "labels")
            require(labels, np.uint8, (SIDE, SIDE))
            assert set(np.unique(labels)) <= {0, 255, *(data.tag_indices(i) + 1)}
