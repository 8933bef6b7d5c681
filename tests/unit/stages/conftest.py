"""A chain of stages that ran once, to be read by the tests of each."""

from __future__ import annotations

from pathlib import Path

import pytest
from chain import Chain
from made_predictions import write_predictions

from conta_core.data.manifest import Manifest
from conta_core.settings import DatasetSettings
from conta_core.stages.index_dataset import index_dataset


@pytest.fixture(scope="session")
def manifest_path(tiny_shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("data") / "dataset.json"
    index_dataset(settings=DatasetSettings(), made=str(tiny_shapes), output=str(path))
    return str(path)


@pytest.fixture(scope="session")
def chain(manifest_path: str, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    return Chain(tmp_path_factory.mktemp("chain"), manifest_path).all()


@pytest.fixture(scope="session")
def data(manifest_path: str) -> Manifest:
    return Manifest.load(manifest_path)


@pytest.fixture(scope="session")
def predictions(data: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stores of predictions that no model made, for stages that need not run the chain."""
    folder = tmp_path_factory.mktemp("predictions")
    write_predictions(folder, data)
    return folder
