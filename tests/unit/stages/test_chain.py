from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import torch
from chain import Chain

from conta_core.evaluation.store_kinds.images import StoreImages, open_images
from conta_core.storage.stores.kinds import ROOT_ARRAYS


def test_the_same_bits_again(chain: Chain, manifest_path: str, tmp_path: Path) -> None:
    """Every file of a second run in another folder, after other draws."""
    torch.manual_seed(4321)
    np.random.default_rng().random(5)
    again = Chain(tmp_path, manifest_path).all()
    compared = 0
    for path in sorted(chain.folder.rglob("*")):
        if path.is_file():
            other = again.folder / path.relative_to(chain.folder)
            assert other.read_bytes() == path.read_bytes(), path.name
            compared += 1
    # 10 of the first round besides its 8 masks, 2 of the second
    assert compared == 10 + 8 + 2


def test_arrays_have_the_types_of_their_format(chain: Chain) -> None:
    for path in chain.folder.rglob("*.h5"):
        with open_images(path) as images:
            kind, image = images.kind, next(map(images.image, images.ids()), None)
            if image is not None:
                found = {name: str(image.read(name).dtype) for name in kind.arrays}
                assert found == {name: array.dtype for name, array in kind.arrays.items()}
            assert isinstance(images, StoreImages)
            for name, array in ROOT_ARRAYS.get(kind.name, {}).items():
                assert str(images.store.read_root(name).dtype) == array.dtype


def test_stores_keep_what_they_were_told(chain: Chain) -> None:
    for path in chain.folder.rglob("*.h5"):
        with h5py.File(path, "r") as file:
            assert bool(file.attrs["complete"])
