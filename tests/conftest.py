"""Fixtures that several groups of tests share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conta_core.data.readers.voc import VOC_CLASSES
from conta_core.data.synthetic.context_shapes import make_context_shapes
from conta_core.images.masks import write_label_png
from conta_core.settings import ImageCounts

REPOSITORY = Path(__file__).resolve().parents[1]
DATA_VARIABLE = "CONTA_SHARED_DATA"
GPU_VARIABLE = "CONTA_TESTS_SEE_GPUS"

#: keeps what CUDA_VISIBLE_DEVICES was, for the workers of pytest-xdist too, which read this again
KEPT_VARIABLE = "CONTA_TESTS_VISIBLE_GPUS"
if GPU_VARIABLE not in os.environ:
    # what the tests state of bits they state of the CPU; see tests/workflow/test_on_a_gpu.py
    os.environ.setdefault(KEPT_VARIABLE, os.environ.get("CUDA_VISIBLE_DEVICES", "all"))
    os.environ["CUDA_VISIBLE_DEVICES"] = ""


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Folder of a real data set by name; the test is skipped where it is absent."""
    root = Path(os.environ.get(DATA_VARIABLE, REPOSITORY.parent / "shared" / "data"))

    def find(name: str) -> Path:
        if not (root / name).is_dir():
            pytest.skip(f"no real data {root / name}; name its folder in {DATA_VARIABLE}")
        return root / name

    return find


@pytest.fixture(scope="session")
def gpu_environment() -> dict[str, str]:
    """The environment of a process that sees this machine's GPUs; without one the test is skipped.

    The tests themselves, and what else they start, see none.
    """
    seen = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    kept = os.environ[KEPT_VARIABLE]
    if kept != "all":
        seen["CUDA_VISIBLE_DEVICES"] = kept
    count = subprocess.run(
        [sys.executable, "-c", "import torch; print(torch.cuda.device_count())"],
        env=seen,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    if int(count.stdout) == 0:
        pytest.skip("torch sees no GPU on this machine")
    return {**seen, GPU_VARIABLE: "1"}


@pytest.fixture(scope="session")
def tiny_shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A context-shapes tree, 8 training and 4 validation images of 64 px; not to be written to."""
    root = tmp_path_factory.mktemp("tiny") / "shapes"
    make_context_shapes(root, images=ImageCounts(train=8, val=4), size=64, confounding=0.9, seed=0)
    return root


@pytest.fixture
def make_voc(tmp_path: Path) -> Callable[..., Path]:
    """Maker of a small VOC tree, see :func:`write_voc`."""

    def make(**options: object) -> Path:
        return write_voc(tmp_path / "voc", **options)  # type: ignore[arg-type]

    return make


def write_voc(
    root: Path,
    train: Mapping[str, Sequence[str]] | None = None,
    val: Mapping[str, Sequence[str]] | None = None,
    *,
    size: tuple[int, int] = (12, 16),
    masks: str | None = "SegmentationClass",
    annotations: bool = True,
) -> Path:
    """Write a VOC tree of noise images: id -> names of its objects (mask values: a stripe each)."""
    if train is None:
        train = {"2007_000001": ["dog", "sofa"], "2007_000002": ["cat"]}
    if val is None:
        val = {"2007_000003": ["person", "horse"]}
    lists = {"train": train, "val": val}
    for folder in ("JPEGImages", "Annotations", "ImageSets/Segmentation", masks or "."):
        (root / folder).mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for name, members in lists.items():
        text = "".join(f"{image_id}\n" for image_id in members)
        (root / "ImageSets" / "Segmentation" / f"{name}.txt").write_text(text)
        for image_id, objects in members.items():
            pixels = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / "JPEGImages" / f"{image_id}.jpg")
            labels = np.zeros(size, np.uint8)
            labels[-1] = 255
            for row, object_name in enumerate(objects, start=1):
                if object_name in VOC_CLASSES:
                    labels[row] = VOC_CLASSES.index(object_name) + 1
            if masks:
                write_label_png(root / masks / f"{image_id}.png", labels)
            if annotations:
                items = "".join(
                    f"<object><name>{n}</name><difficult>1</difficult></object>" for n in objects
                )
                path = root / "Annotations" / f"{image_id}.xml"
                path.write_text(f"<annotation>{items}</annotation>")
    return root
