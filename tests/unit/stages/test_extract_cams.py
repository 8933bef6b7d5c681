from __future__ import annotations

import numpy as np
import pytest
from chain import SIDE, Chain, opened, require

from conta_core.data.manifest import Manifest


@pytest.mark.parametrize("round_index", [0, 1])
def test_cams(chain: Chain, data: Manifest, round_index: int) -> None:
    ids = data.ids("train", "val")
    assert len(ids) == 12
    count = len(data.classes)
    with opened(chain, "cams.h5", "cams", ids, round_index) as store:
        for i in ids:
            keys = store.read(i, "keys")
            np.testing.assert_array_equal(keys, data.tag_indices(i))
            assert len(keys) >= 1
            require(store.read(i, "cam"), np.float32, (len(keys), 16, 16))
            require(store.read(i, "high_res"), np.float16, (len(keys), SIDE, SIDE))
            require(store.read(i, "probability"), np.float32, (count,))
            for name in ("cam", "high_res", "probability"):
                assert 0 <= store.read(i, name).min() <= store.read(i, name).max() <= 1
        scaling = "standardise" if round_index else None
        assert store.settings == {"scales": [1.0, 0.5], "context": scaling}
