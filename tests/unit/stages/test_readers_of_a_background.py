"""What reads a confounder set and its alphas knows the background by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_predictions import causal_step

from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.evaluation.report.confounder_sets import confounders_section
from conta_core.evaluation.report.templates import render_section
from conta_core.evaluation.store_kinds.context import Context
from conta_core.evaluation.store_kinds.images import open_images
from conta_core.storage.stores.reader import StoreReader
from conta_core.tools.diff.images import compare_images
from conta_core.tools.inspect.arrays import describe_image
from conta_core.tools.inspect.stores import describe_store
from conta_core.tools.show.context import alpha_bars, confounders_sheet


@pytest.fixture(scope="module")
def folder(predictions: Path, manifest_path: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("made") / "background"
    return causal_step(predictions, manifest_path, output, background=True)


@pytest.fixture
def names(data: Manifest) -> list[str]:
    return ["background", *data.classes]


def rows(properties: Iterator[Any], name: str) -> list[dict[str, Any]]:
    (found,) = [one for one in properties if one.name == name]
    return list(found.value)


def test_inspect(folder: Path, data: Manifest, names: list[str]) -> None:
    entries = rows(describe_store(folder / "confounders.h5", check=True), "confounder set")
    assert [row["class"] for row in entries] == names
    assert entries[0]["images"] == len(data.ids("train"))
    with open_images(folder / "context.h5") as images:
        image_id = data.ids("train")[0]
        alphas = {r["class"]: r["alpha"] for r in rows(describe_image(images, image_id), "classes")}
        assert set(alphas) == set(names)
        alpha = images.image(image_id).read("alpha")
        assert alphas["background"] == pytest.approx(alpha[0], rel=1e-3)


def test_diff(
    folder: Path, predictions: Path, manifest_path: str, names: list[str], tmp_path: Path
) -> None:
    without = causal_step(predictions, manifest_path, tmp_path / "without")
    other = causal_step(
        predictions, manifest_path, tmp_path / "other", background=True, prior="empirical"
    )
    found = compare_images(folder / "confounders.h5", other / "confounders.h5")
    assert {change.id for change in found.changes} <= set(names)
    assert "background" in {change.id for change in found.changes}
    assert [one.name for one in found.classes if one.name == "background"]
    with pytest.raises(ContaError, match=r"context\.background"):
        compare_images(folder / "confounders.h5", without / "confounders.h5")
    between = compare_images(folder / "context.h5", other / "context.h5")
    assert {one.name for one in between.classes} == set(names[1:])


def test_show(folder: Path, data: Manifest, names: list[str]) -> None:
    with StoreReader(folder / "confounders.h5", "confounders", (), data.classes) as store:
        heading, grid, *_ = confounders_sheet(store)
    assert f"{len(data.classes)} classes and the background" in str(heading)
    assert len(vars(grid)["cells"]) == len(names)
    image_id = data.ids("train")[0]
    with open_images(folder / "context.h5") as images:
        image = images.image(image_id)
        alphas = Context().alphas(image)
        assert np.allclose([*alphas.values()], image.read("alpha"))
    bars = alpha_bars(alphas, data.images[image_id].tags)
    assert [bar.name for bar in bars] == names
    assert [bar.value for bar in bars] == [*alphas.values()]


def test_report(folder: Path, data: Manifest) -> None:
    section = confounders_section(data, [{"confounders": str(folder / "confounders.h5")}])
    html = render_section(section)
    images = len(data.ids("train"))
    assert f"background: P {1 / (len(data.classes) + 1):.3f}, {images} images" in html
