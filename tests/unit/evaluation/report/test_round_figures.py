from __future__ import annotations

from pathlib import Path
from typing import Any

from summands import split_by_class

from conta_core.data.manifest import Manifest
from conta_core.evaluation.report.round_figures import round_figures
from conta_core.images.photographs import read_image


def test_context_by_class_is_drawn_as_its_sum(run: dict[str, Any]) -> None:
    manifest, paths = Manifest.load(run["manifest"]), run["rounds"][0]
    images = {i: read_image(manifest.images[i].image) for i in manifest.ids("train")}
    before = round_figures(manifest, images, paths, 0)
    split_by_class(Path(paths["context"]))
    assert round_figures(manifest, images, paths, 0) == before
