"""Bad input through the real workflow: one clear message, a failure, and nothing else touched."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from photograph_folder import SHAPE, Folder
from PIL import Image
from tiny_runs import Workflow, reduced

from conta_core.data.manifest import Manifest
from conta_core.images.masks import voc_palette, write_label_png

pytestmark = pytest.mark.slow

MANIFEST = "results/mine/dataset.json"


def fails(
    workflow: Workflow,
    *options: str,
    says: tuple[str, ...],
    changes: Mapping[str, Any] | None = None,
) -> str:
    """Run, and check that it fails with all these words in one place, without a traceback."""
    done = workflow.start("--cores", "2", "--max-threads", "1", *options, changes=changes)
    output = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    assert done.returncode != 0, output
    assert "Traceback (most recent call last)" not in output, output
    for words in says:
        assert words in output, f"{words!r} is not in:\n{output}"
    return output


# The config: refused before any job.


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"refinement": {"betta": 10.0}},
            ("config: refinement.betta is not a key; known here: beta",),
        ),
        (
            {"runs": {"control": {"context": {"mehtod": "none"}}}},
            ("config: runs: control: context.mehtod is not a key", "method"),
        ),
        ({"cam": {"epochs": "many"}}, ("config: cam.epochs is 'many'", "integer")),
        ({"pseudo_masks": {"crf": "yes"}}, ("config: pseudo_masks.crf is 'yes'", "boolean")),
        ({"rounds": 0}, ("config: rounds is 0", "greater than or equal to 1")),
        ({"runs": {"conta": {"rounds": 0}}}, ("config: runs: conta: rounds is 0",)),
        ({"runs": {"../up": {}}}, ("'../up' is not a run name", "rename the run")),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_config(finished: Workflow, changes: dict[str, Any], says: tuple[str, ...]) -> None:
    before = finished.files()
    output = fails(finished, changes=changes, says=says)
    assert output.count(says[0]) == 1, output
    assert "Job stats" not in output
    assert finished.files() == before


def test_config_on_the_command_line(finished: Workflow) -> None:
    before = finished.files()
    fails(finished, "--config", "rounds=0", says=("config: rounds is 0",))
    fails(finished, "--config", "round=3", says=("config: round is not a key", "rounds"))
    assert finished.files() == before


# The data set: refused by index_dataset, before any training.


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "photographs")


@pytest.fixture
def mine(fresh: Callable[..., Workflow], folder: Folder) -> Workflow:
    """A workflow on the folder, and beside it the finished file of another run."""
    config = reduced({})
    config["dataset"] = {
        "name": "mine",
        "format": "folder",
        "root": str(folder.root),
        "classes": ["cat", "dog"],
    }
    workflow = fresh(config)
    other = workflow.directory / "results" / "other" / "summary.json"
    other.parent.mkdir(parents=True)
    other.write_text("{}")
    return workflow


def refuses(mine: Workflow, *says: str, changes: Mapping[str, Any] | None = None) -> None:
    before = mine.files()
    fails(mine, MANIFEST, says=says, changes=changes)
    assert mine.files() == before


def test_the_folder_itself_is_good(mine: Workflow) -> None:
    mine.run(MANIFEST)
    assert json.loads((mine.directory / MANIFEST).read_text())["classes"] == ["cat", "dog"]


def test_missing_image(mine: Workflow, folder: Folder) -> None:
    (folder.root / "images" / "b.jpg").unlink()
    refuses(mine, f"{folder.root}/images/b.jpg: no such image")


def test_truncated_jpeg(mine: Workflow, folder: Folder) -> None:
    path = folder.root / "images" / "a.jpg"
    path.write_bytes(path.read_bytes()[:-800])
    refuses(mine, f"{path}: unreadable image")


def test_tag_that_is_no_class(mine: Workflow, folder: Folder) -> None:
    folder.rows[2]["tags"] = "dgo"
    folder.write()
    refuses(
        mine,
        f"{folder.root}/tags.csv, line 4: tag 'dgo' of image images/c.jpg is no class",
        "did you mean 'dog'?",
        "expected some of cat, dog",
        "add it to dataset.classes",
    )


def test_untagged_image(mine: Workflow, folder: Folder) -> None:
    folder.rows[0]["tags"] = ""
    folder.write()
    refuses(mine, "1 images of the training list train have no tag of cat, dog: a",
            "dataset.allow_untagged: true")  # fmt: skip
    mine.start("--cores", "2", MANIFEST, changes={"dataset": {"allow_untagged": True}}, check=True)
    manifest = json.loads((mine.directory / MANIFEST).read_text())
    assert manifest["images"]["a"]["tags"] == []


@pytest.mark.parametrize("path", ["../a.jpg", "images/../../a.jpg", "/etc/a.jpg"])
def test_path_that_leaves_the_folder(mine: Workflow, folder: Folder, path: str) -> None:
    folder.rows[1]["image"] = path
    folder.write()
    refuses(mine, f"{folder.root}/tags.csv, line 3: path {path!r}", "without '..'")


def test_names_of_photographs(mine: Workflow, folder: Folder) -> None:
    for place, name in enumerate(("a (1)", "b..b", "Küche")):
        ending = Path(folder.rows[place]["image"]).suffix
        (folder.root / folder.rows[place]["image"]).rename(folder.root / f"images/{name}{ending}")
        mask = folder.root / "masks" / f"{Path(folder.rows[place]['image']).stem}.png"
        mask.rename(mask.with_name(f"{name}.png"))
        folder.rows[place]["image"] = f"images/{name}{ending}"
    folder.write()
    mine.run(MANIFEST)
    names = [r.own_name for r in Manifest.load(mine.directory / MANIFEST).images.values()]
    assert {"a (1)", "b..b", "Küche"} <= {*names}


@pytest.mark.parametrize("image_id", ["2007/000001", "../2007_000001"])
def test_id_with_a_slash_in_a_list(
    mine: Workflow, make_voc: Callable[..., Path], image_id: str
) -> None:
    root = make_voc()
    path = root / "ImageSets" / "Segmentation" / "train.txt"
    path.write_text(f"2007_000002\n{image_id}\n")
    voc = {"format": "voc", "root": str(root)}
    refuses(
        mine,
        f"{path}, line 2: image id {image_id!r} is no photograph in JPEGImages",
        "mend the line",
        changes={"dataset": voc},
    )


def test_mask_of_another_size(mine: Workflow, folder: Folder) -> None:
    path = folder.root / "masks" / "d.png"
    write_label_png(path, np.zeros((64, 48), np.uint8))
    refuses(mine, f"{path}: 48 x 64 pixels but {folder.root}/images/d.jpg is 64 x 48 pixels")


def test_missing_table(mine: Workflow, folder: Folder) -> None:
    (folder.root / "tags.csv").unlink()
    refuses(mine, f"{folder.root}/tags.csv")


def test_several_problems_at_once(mine: Workflow, folder: Folder) -> None:
    (folder.root / "images" / "b.jpg").unlink()
    (folder.root / "images" / "c.jpg").write_text("no image")
    refuses(mine, "data set mine: 2 problems", "b.jpg: no such image", "c.jpg: unreadable image")


def test_mask_of_a_rotated_photograph(mine: Workflow, folder: Folder) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = folder.root / "images" / "d.jpg"
    Image.new("RGB", SHAPE[::-1]).save(path, exif=exif)
    write_label_png(folder.root / "masks" / "d.png", np.zeros(SHAPE[::-1], np.uint8))
    refuses(
        mine,
        f"{folder.root}/masks/d.png: 48 x 64 pixels but {path} is 64 x 48 pixels",
        "asks by EXIF for orientation 6, which is not applied",
    )


def test_masks_of_other_kinds(mine: Workflow, folder: Folder) -> None:
    masks = folder.root / "masks"
    labels = np.array(Image.open(masks / "a.png"))
    # 16-bit and grey indices are what they say; larger numbers and colours are not indices
    Image.fromarray(labels.astype(np.uint16)).save(masks / "a.png")
    Image.fromarray(labels).save(masks / "b.png")
    mine.run(MANIFEST)
    (mine.directory / MANIFEST).unlink()
    Image.fromarray(labels.astype(np.uint16) * 300).save(masks / "c.png")
    Image.fromarray(voc_palette()[labels] ^ 3).save(masks / "d.png")
    refuses(
        mine,
        "data set mine: 2 problems",
        f"{masks}/c.png: a 16-bit mask with the value 600; expected class indices",
        f"{masks}/d.png: a mask of mode RGB, with colours that VOC's palette does not have",
    )


def test_augmented_list_without_its_masks(mine: Workflow, make_voc: Callable[..., Path]) -> None:
    root = make_voc()
    lists = root / "ImageSets" / "SegmentationAug"
    lists.mkdir()
    (lists / "train_aug.txt").write_text("2007_000001\n2007_000002\n2008_000009\n")
    voc = {"format": "voc", "root": str(root), "lists": {"train": "train_aug"}}
    refuses(
        mine,
        "the list train_aug counts on the masks of SBD's images",
        f"1 of its 3 images have no mask in {root}/SegmentationClass",
        "2008_000009",
        "put SegmentationClassAug",
        changes={"dataset": {**voc, "classes": None}},
    )


def test_coco_without_its_images_and_with_broken_annotations(
    mine: Workflow, tmp_path: Path
) -> None:
    root = tmp_path / "coco"
    (root / "annotations").mkdir(parents=True)
    for number, name in enumerate(("train", "val"), start=1):
        box = {"id": number, "image_id": number, "category_id": 1, "area": 9}
        content = {
            "images": [{"id": number, "file_name": f"{name}.jpg", "height": 20, "width": 30}],
            "categories": [{"id": 1, "name": "person"}],
            "annotations": [box | {"segmentation": [[1, 1, 9, 1, 9, 9]]}],
        }
        (root / "annotations" / f"instances_{name}.json").write_text(json.dumps(content))
    coco = {"format": "coco", "root": str(root), "classes": None}
    fails(
        mine,
        MANIFEST,
        says=("data set mine: 2 problems", f"{root}/train: no such folder; expected 1 images"),
        changes={"dataset": coco},
    )
    content["annotations"][0]["segmentation"] = [[1, 1, 9, 1]]
    path = root / "annotations" / "instances_val.json"
    path.write_text(json.dumps(content))
    fails(
        mine,
        MANIFEST,
        says=("image val: annotation 2 cannot be drawn: a polygon of 4 numbers", "mend or delete"),
        changes={"dataset": coco},
    )


# What a finished run is spoiled by.


def replaced(path: Path, content: bytes, *, keep_time: bool) -> None:
    """Give a file other bytes; the old file may be linked elsewhere and stays as it is."""
    times = path.stat()
    path.unlink()
    path.write_bytes(content)
    if keep_time:
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


GATHERING = {"make_irn_labels": "gather_labels", "predict_logits": "gather_logits"}


def only(target: str, rule: str) -> tuple[str, ...]:
    """Options that run one finished job again and no other, but what gathers its store."""
    allowed = [rule, GATHERING[rule]] if rule in GATHERING else [rule]
    return (target, "--forcerun", rule, "--allowed-rules", *allowed)


@pytest.mark.parametrize(
    ("store", "part", "consumer", "target"),
    [
        ("cam/cams.h5", 0.3, "make_irn_labels", "irn/labels.h5"),
        ("irn/refined.h5", 0.98, "make_pseudo_masks", "pseudo_masks"),
    ],
)
def test_store_cut_off_in_the_middle(
    finished_copy: Workflow, store: str, part: float, consumer: str, target: str
) -> None:
    folder = "results/control/round-0"
    path = finished_copy.directory / folder / store
    content = path.read_bytes()
    replaced(path, content[: int(part * len(content))], keep_time=True)
    before = finished_copy.files()
    fails(
        finished_copy,
        *only(f"{folder}/{target}", consumer),
        says=(f"{folder}/{store}: ", "delete it and let the workflow make it again"),
    )
    after = finished_copy.files()
    # Snakemake removes what a job is to make before it starts; all else stays
    gone = {name for name in before if name.startswith(f"{folder}/{target}")}
    assert {n: f for n, f in before.items() if n not in gone} == {
        n: f for n, f in after.items() if n not in gone
    }
    # the mend that the message names
    path.unlink()
    made = finished_copy.directory / folder / target
    if made.is_file():  # a store stays until all its parts are made again
        made.unlink()
    shutil.rmtree(made, ignore_errors=True)
    finished_copy.run(f"{folder}/{target}")
    assert path.read_bytes() == content


def test_class_list_that_does_not_match_the_weights(finished_copy: Workflow) -> None:
    folder = "results/control"
    path = finished_copy.directory / folder / "dataset.json"
    manifest = json.loads(path.read_text())
    classes = manifest["classes"]
    manifest["classes"] = classes[::-1]
    replaced(path, json.dumps(manifest).encode(), keep_time=True)
    target = f"{folder}/round-0/segmentation/logits.h5"
    before = finished_copy.files()
    fails(
        finished_copy,
        *only(target, "predict_logits"),
        says=(
            f"{folder}/round-0/segmentation/model.safetensors: trained for the classes {classes}",
            f"the manifest has {classes[::-1]}",
            "train it again or restore dataset.classes",
        ),
    )
    del before[target]
    assert {n: f for n, f in finished_copy.files().items() if n != target} == before
