from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from chain import SIDE, Chain, require

from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.images.masks import read_label_png
from conta_core.settings import PseudoMaskSettings
from conta_core.storage.stores.reader import StoreReader
from conta_core.storage.stores.writer import write_store


def test_pseudo_masks(chain: Chain, data: Manifest) -> None:
    folder = Path(chain.path("pseudo_masks"))
    assert sorted(path.stem for path in folder.iterdir()) == sorted(data.ids("train"))
    for i in data.ids("train"):
        mask = read_label_png(folder / f"{i}.png")
        require(mask, np.uint8, (SIDE, SIDE))
        assert set(np.unique(mask)) <= {0, *(data.tag_indices(i) + 1)}


def narrowed(chain: Chain, path: Path, data: Manifest) -> None:
    """The refined CAMs to the power of two: the same order, and less at every threshold."""
    with (
        StoreReader(chain.path("refined.h5"), "refined") as store,
        write_store(
            path, "refined", classes=data.classes, run="r", round_index=1, settings={}
        ) as narrow,
    ):
        for i in data.ids("train"):
            refined, keys = store.read(i, "refined"), store.read(i, "keys")
            narrow.write(i, {"keys": keys, "refined": refined**2}, data.images[i].size)


def masks(folder: Path) -> dict[str, np.ndarray]:
    return {path.stem: read_label_png(path) for path in folder.iterdir()}


def test_the_threshold_follows_round_0(chain: Chain, data: Manifest, tmp_path: Path) -> None:
    """What is 0.6 in round 0 is 0.36 in narrower maps: the same masks."""
    narrowed(chain, tmp_path / "narrow.h5", data)
    for name, change in {
        "before": {},
        "fixed": {"refined": str(tmp_path / "narrow.h5")},
        "following": {
            "refined": str(tmp_path / "narrow.h5"),
            "first_refined": chain.path("refined.h5"),
        },
    }.items():
        chain.make_pseudo_masks(
            output=str(tmp_path / name),
            settings=PseudoMaskSettings(crf=False, background_threshold=0.6),
            **change,
        )
    before, fixed, following = (masks(tmp_path / n) for n in ("before", "fixed", "following"))
    areas = [sum(int((m != 0).sum()) for m in found.values()) for found in (before, fixed)]
    assert areas[1] < 0.8 * areas[0]
    differing = np.mean([(before[i] != following[i]).mean() for i in before])
    assert differing < 0.01


def test_pixels_that_are_ignored(chain: Chain, data: Manifest, tmp_path: Path) -> None:
    for name, least in (("all", None), ("sure", 0.95)):
        chain.make_pseudo_masks(
            output=str(tmp_path / name), settings=PseudoMaskSettings(ignore_below=least)
        )
    whole, sure = masks(tmp_path / "all"), masks(tmp_path / "sure")
    ignored = {i: sure[i] == 255 for i in sure}
    assert 0 < sum(int(one.sum()) for one in ignored.values()) < 0.9 * SIDE**2 * len(sure)
    assert not any((mask == 255).any() for mask in whole.values())
    for i, one in ignored.items():
        np.testing.assert_array_equal(sure[i][~one], whole[i][~one])
        assert set(np.unique(sure[i])) <= {0, 255, *(data.tag_indices(i) + 1)}


def test_round_0_without_an_object(chain: Chain, tmp_path: Path) -> None:
    with pytest.raises(ContaError, match=r"hold no object in round 0; .*background_threshold"):
        chain.make_pseudo_masks(
            output=str(tmp_path / "masks"),
            first_refined=chain.path("refined.h5"),
            settings=PseudoMaskSettings(crf=False, background_threshold=1.0),
        )
    assert not (tmp_path / "masks").exists()
