from __future__ import annotations

from pathlib import Path

import pytest
from models import noise, write_deeplab
from PIL import Image

#: height and width of the photographs
SIZES = [(48, 64), (64, 48), (48, 64), (50, 71), (48, 64), (64, 48)]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_deeplab(tmp_path_factory.mktemp("model") / "model.safetensors")


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of six PNGs of three sizes; not to be written to."""
    folder = tmp_path_factory.mktemp("photographs")
    for number, size in enumerate(SIZES):
        Image.fromarray(noise(size, number)).save(folder / f"{number}.png")
    return folder
