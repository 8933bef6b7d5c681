"""COCO's instance annotations: tags and masks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fuzzing import altered, dump_json, fuzz, json_files, mutated, refuses_or_reads_file
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as run_lengths

from conta_core.data.image_ids import IMAGE_ID
from conta_core.data.readers.coco import coco_labels, read_coco
from conta_core.settings import DatasetSettings

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

SIZE = (12, 16)
_CODE = run_lengths.encode(np.asfortranarray(np.tri(*SIZE, dtype=np.uint8)))
CODE = {"size": list(SIZE), "counts": _CODE["counts"].decode()}
RUNS = {"size": list(SIZE), "counts": [20, 30, 142]}
POLYGONS = [[1.0, 1.0, 9.0, 1.0, 5, 8.5], [2, 2, 4, 2, 4, 4, 2, 4]]


def annotation(number: int, segmentation: object, crowd: int = 0) -> dict:
    return {
        "id": number,
        "image_id": 7 + number % 2,
        "category_id": 3 + number % 3,
        "area": 12.5 + number,
        "iscrowd": crowd,
        "segmentation": segmentation,
    }


INSTANCES = {
    "info": {"year": 2014},
    "images": [
        {"id": 7, "file_name": "COCO_07.jpg", "height": SIZE[0], "width": SIZE[1]},
        {"id": 8, "file_name": "COCO_08.jpg", "height": SIZE[0], "width": SIZE[1]},
    ],
    "categories": [
        {"id": 3, "name": "cat"},
        {"id": 4, "name": "dog"},
        {"id": 5, "name": "couch"},
    ],
    "annotations": [
        annotation(1, POLYGONS),
        annotation(2, CODE, 1),
        annotation(3, RUNS, 1),
        annotation(4, POLYGONS[1:]),
    ],
}
#: only these are altered, so that drawing is reached
SEGMENTATIONS = [POLYGONS, CODE, RUNS]


def read(path: Path) -> None:
    root = path.parents[1]
    settings = DatasetSettings(name="x", format="coco", root=str(root), allow_untagged=True)
    manifest = read_coco(settings)
    for image_id, record in manifest.images.items():
        assert IMAGE_ID.fullmatch(image_id)
        assert Path(record.image).resolve().is_relative_to(root.resolve())
        assert not Path(record.image).exists()  # the name is one that a file can have
        manifest.tag_vector(image_id)
    for _, labels in coco_labels(settings):
        assert labels.dtype == np.uint8
        assert not [v for v in np.unique(labels) if v not in (0, 255) and v > len(manifest.classes)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "annotations"
    folder.mkdir()
    (folder / "instances_val.json").write_text(json.dumps(INSTANCES).replace("COCO_0", "COCO_1"))
    return folder / "instances_train.json"


@fuzz
@given(data=json_files(INSTANCES))
def test_instances(file: Path, data: bytes) -> None:
    refuses_or_reads_file(file, data, read)


def _with_segmentations(found: object) -> bytes:
    items = [annotation(n, s) for n, s in enumerate(found if isinstance(found, list) else [found])]
    return dump_json({**INSTANCES, "annotations": items})


def _with_code(code: bytes) -> bytes:
    return _with_segmentations([{"size": list(SIZE), "counts": code.decode("latin-1")}])


@fuzz
@given(
    data=st.one_of(
        altered(SEGMENTATIONS).map(_with_segmentations), mutated(_CODE["counts"]).map(_with_code)
    )
)
def test_segmentations(file: Path, data: bytes) -> None:
    refuses_or_reads_file(file, data, read)
