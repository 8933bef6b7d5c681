from __future__ import annotations

import numpy as np
import pytest
from chain import Chain, opened, require

from conta_core.context_maps import ContextMaps
from conta_core.manifest import Manifest
from conta_core.stores.reader import StoreReader


def test_context(chain: Chain, data: Manifest) -> None:
    ids, count = data.ids("train", "val"), len(data.classes)
    with (
        opened(chain, "context.h5", "context", ids) as store,
        StoreReader(chain.path("confounders.h5"), "confounders") as confounders,
    ):
        assert store.settings == {"steps": 20, "learning_rate": 0.01}
        c, prior = confounders.read_root("masks"), confounders.read_root("prior")
        for i in ids:
            alpha, m = store.read(i, "alpha"), store.read(i, "mask")
            require(alpha, np.float32, (count,))
            require(m, np.float32, (6, 5))
            assert alpha.sum() == pytest.approx(1, abs=1e-5)
            assert alpha.min() >= 0
            # equation 4, from what the stores hold
            np.testing.assert_allclose(m, np.einsum("n,nhw->hw", alpha * prior, c), atol=1e-6)
        training = np.stack([store.read(i, "mask") for i in data.ids("train")])
        np.testing.assert_allclose(store.read_root("mean"), training.mean(0), atol=1e-6)
        deviation = (training - training.mean(0)).std()
        assert float(store.read_root("deviation")) == pytest.approx(deviation, rel=1e-3, abs=1e-9)
    maps = ContextMaps(chain.path("context.h5"), "standardise", ids, data.classes)
    assert all(np.isfinite(maps[i]).all() for i in ids)
