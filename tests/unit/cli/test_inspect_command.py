from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from click.testing import Result
from small_stores import CLASSES, IDS, SIZE, write_small
from summands import split_by_class
from typer.testing import CliRunner

from conta_core.cli.app import app
from conta_core.errors import ContaError
from conta_core.masks import write_label_png
from conta_core.stores.kinds import IMAGE_ARRAYS, StoreHeader
from conta_core.stores.parts import Part, write_part
from conta_core.stores.writer import write_store


def inspect(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["inspect", *map(str, arguments)])


def shown(*arguments: object) -> str:
    result = inspect(*arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def as_json(*arguments: object) -> dict[str, Any]:
    return json.loads(shown(*arguments, "--json"))


def refused(*arguments: object) -> str:
    result = inspect(*arguments)
    assert isinstance(result.exception, ContaError), (result.output, result.exception)
    return str(result.exception)


def listed(*arguments: object) -> list[str]:
    return [line.split()[0] for line in shown(*arguments).splitlines()]


@pytest.mark.parametrize("kind", IMAGE_ARRAYS)
def test_every_kind_of_store(tmp_path: Path, kind: str) -> None:
    path = write_small(tmp_path / "store.h5", kind, round_index=2)
    found = as_json(path)
    assert f"(conta-{kind})" in found["what"]
    assert (found["run"], found["round"], found["complete"]) == ("r", 2, "yes")
    assert found["classes"] == list(CLASSES)
    assert found["settings"] == {"scales": [1.0], "deep": {"on": True}}
    assert found["checksums"] == "not checked"
    assert found["bytes"] == path.stat().st_size
    if kind == "confounders":
        assert [row["images"] for row in found["confounder set"]] == [2, 0, 1]
        assert [row["mean of its mask"] for row in found["confounder set"]] == [0, 0.25, 0.5]
    else:
        assert found["images"] == 3
        assert found["height"] == {"min": 8, "median": 8, "max": 8}
        assert found["most common size"] == "8 x 12"
        names = [row["name"] for row in found["arrays of each image"]]
        assert names == list(IMAGE_ARRAYS[kind])
    assert as_json(path, "--check")["checksums"] == "right"
    if kind == "context":
        assert [row["array"] for row in found["arrays of the store"]] == ["mean", "deviation"]


def test_context_by_class(tmp_path: Path) -> None:
    path = write_small(tmp_path / "c.h5", "context", value=0.25)
    classes = as_json(path, IDS[0])["classes"]
    split_by_class(path)
    assert as_json(path)["images"] == 3
    found = as_json(path, IDS[0])
    assert found["classes"] == classes
    assert "3 x 4 x 4" in [row["shape"] for row in found["arrays"]]


def test_the_text_of_a_store(tmp_path: Path) -> None:
    lines = shown(write_small(tmp_path / "cams.h5", "cams")).splitlines()
    assert lines[0].split(None, 1) == ["what", "CAMs (conta-cams)"]
    assert "classes            boat, dog, ring  (3)" in lines
    assert "settings           deep (on yes), scales [1.0]" in lines
    assert "checksums          not checked  (--check reads every byte)" in lines
    assert "images             3" in lines
    assert "most common size   8 x 12  (height x width, 3 images)" in lines
    assert any(line.split()[:2] == ["high_res", "float16"] for line in lines)


def test_sizes(tmp_path: Path) -> None:
    path = tmp_path / "labels.h5"
    options = {"classes": CLASSES, "run": "r", "round_index": 0, "settings": {}}
    with write_store(path, "labels", **options) as store:
        for image_id, size in (("a", (20, 30)), ("b", (8, 12)), ("c", (10, 12))):
            store.write(image_id, {"labels": np.zeros(size, np.uint8)}, size)
    found = as_json(path, "--check")
    assert found["height"] == {"min": 8, "median": 10, "max": 20}
    assert found["width"] == {"min": 12, "median": 12, "max": 30}
    assert found["checksums"] == "right"


def test_a_table_of_sizes_that_is_not_that_of_the_images(tmp_path: Path) -> None:
    def change(file: h5py.File) -> None:
        file["image sizes"][0, 2] += 1

    path = edit(write_small(tmp_path / "labels.h5", "labels"), change)
    result = inspect(path, "--check")
    assert isinstance(result.exception, ContaError)
    counted = f"counts {len(IDS) + 1} images, {len(IDS)} are there"
    assert counted in " ".join(result.output.split())


def test_a_store_without_images(tmp_path: Path) -> None:
    path = write_small(tmp_path / "logits.h5", "logits", ids=())
    assert as_json(path)["images"] == 0
    assert "it holds none" in refused(path, "a")
    assert listed(path, "--list") == []


def test_arrays_of_an_image(tmp_path: Path) -> None:
    found = as_json(write_small(tmp_path / "cams.h5", "cams"), "2007_000032")
    rows = {row["array"]: row for row in found["arrays"]}
    assert rows["high_res"] == {
        "array": "high_res", "shape": "2 x 8 x 12", "type": "float16",
        "min": 0.5, "max": 0.5, "mean": 0.5,
    }  # fmt: skip
    assert [(row["class"], row["tag"], row["P(class)"]) for row in found["classes"]] == [
        ("boat", "yes", 0.75), ("ring", "yes", 0.5), ("dog", "no", 0.25),
    ]  # fmt: skip
    assert found["size"] == "8 x 12"


def test_an_image_without_tags(tmp_path: Path) -> None:
    for kind in ("cams", "refined"):
        found = as_json(write_small(tmp_path / f"{kind}.h5", kind), "2008_000003")
        empty = next(row for row in found["arrays"] if row["array"] == "keys")
        assert (empty["shape"], empty["min"], empty["mean"]) == ("0", None, None)
    assert found["classes"] == []


def test_classes_of_masks_logits_and_context(tmp_path: Path) -> None:
    rows = as_json(write_small(tmp_path / "a.h5", "labels"), IDS[0])["classes"]
    assert rows == [
        {"class": "boat", "pixels": 48, "percent": 50.0},
        {"class": "background", "pixels": 47, "percent": 48.96},
        {"class": "ignored", "pixels": 1, "percent": 1.042},
    ]
    rows = as_json(write_small(tmp_path / "b.h5", "logits"), IDS[0])["classes"]
    assert rows == [{"class": "boat", "cells": 6, "percent": 100.0}]
    rows = as_json(write_small(tmp_path / "c.h5", "context", value=0.25), IDS[0])["classes"]
    assert rows[0] == {"class": "dog", "alpha": 0.75}


def test_values_that_are_not_finite_are_counted(tmp_path: Path) -> None:
    mask = np.array([[np.nan, 1], [np.inf, 2]], np.float32)
    path = write_small(tmp_path / "c.h5", "context", changed={IDS[0]: {"mask": mask}})
    row = as_json(path, IDS[0])["arrays"][0]
    assert (row["min"], row["max"], row["not finite"]) == (1.0, 2.0, 2)


def test_a_key_that_is_no_class(tmp_path: Path) -> None:
    path = write_small(tmp_path / "r.h5", "refined", changed={IDS[0]: {"keys": np.array([77])}})
    assert as_json(path, IDS[0])["classes"][0]["class"] == "class 77?"
    odd = {"alpha": np.zeros((2, 2), np.float32)}
    path = write_small(tmp_path / "c.h5", "context", changed={IDS[0]: odd})
    assert "do not fit together" in refused(path, IDS[0])


def test_lists_filters_and_pages(tmp_path: Path) -> None:
    path = write_small(tmp_path / "cams.h5", "cams")
    assert shown(path, "--list").splitlines() == [
        "2007_000001              8 x 12        boat",
        "2007_000032              8 x 12        boat, ring",
        "2008_000003              8 x 12        none",
    ]
    assert listed(path, "--class", "ring") == ["2007_000032"]
    assert listed(path, "--match", "2007_*") == list(IDS[:2])
    assert listed(path, "--match", "2007_*", "--class", "boat", "--page", 2, "--page-size", 1) == [
        "2007_000032"
    ]
    result = inspect(path, "--page", 1, "--page-size", 2)
    assert result.stdout.splitlines()[0].startswith("2007_000001")
    assert result.stderr == "page 1: images 1 to 2; more with --page 2\n"
    assert inspect(path, "--page", 2, "--page-size", 2).stderr == "page 2: images 3 to 3; no more\n"
    assert inspect(path, "--page", 9).stderr == "page 9: no images; no more\n"
    assert inspect(path, "--list").stderr == "3 images\n"
    found = as_json(path, "--class", "boat", "--page", 1, "--page-size", 1)
    assert found["images"] == [{"id": IDS[0], "height": 8, "width": 12, "classes": ["boat"]}]
    assert found["more"]


def test_class_where_it_is_predicted(tmp_path: Path) -> None:
    for kind in ("labels", "train_masks", "logits"):
        path = write_small(tmp_path / f"{kind}.h5", kind)
        assert listed(path, "--class", "boat") == list(IDS[:2])
        assert listed(path, "--class", "ring") == []
    message = refused(write_small(tmp_path / "c.h5", "context"), "--class", "boat")
    assert "does not say which classes an image has; ask the round's cams.h5" in message


def test_a_class_that_is_not_there(tmp_path: Path) -> None:
    path = write_small(tmp_path / "cams.h5", "cams")
    assert "has no class 'boot'; near it: boat" in refused(path, "--class", "boot")
    assert "has no class 'zebra'; it has boat, dog, ring" in refused(path, "--class", "zebra")


def test_an_image_that_is_not_there(tmp_path: Path) -> None:
    path = write_small(tmp_path / "cams.h5", "cams")
    message = refused(path, "2007_00032")
    assert "has no image '2007_00032' among its 3; near it: 2007_000032" in message
    assert "the first is 2007_000001" in refused(path, "zzz")
    assert "it holds none" in refused(write_small(tmp_path / "c.h5", "confounders"), IDS[0])


def edit(path: Path, change: Callable[[h5py.File], None]) -> Path:
    with h5py.File(path, "r+") as file:
        change(file)
    return path


@pytest.mark.parametrize(
    ("change", "line", "problem"),
    [
        (lambda f: f.attrs.modify("complete", False), "complete           no", "is not complete"),
        (
            lambda f: f.attrs.modify("format_version", 1),
            "format version     1  (this version of Conta reads 3)",
            "format version 1, expected 3",
        ),
        (lambda f: f.attrs.pop("classes"), "classes            cannot be read", "'classes'"),
        (
            lambda f: f.attrs.create("settings", "of variable length"),
            "settings           cannot be read",
            "its structure cannot be read",
        ),
    ],
)
def test_what_a_store_that_is_not_read_says(
    tmp_path: Path, change: Callable[[h5py.File], None], line: str, problem: str
) -> None:
    path = edit(write_small(tmp_path / "cams.h5", "cams"), change)
    result = inspect(path)
    assert problem in str(result.exception)
    assert line in result.stdout.splitlines()
    assert "run                r" in result.stdout.splitlines()
    found = json.loads(inspect(path, "--json").stdout)
    assert problem in found["problem"]
    assert found["what"] == "CAMs (conta-cams)"


def test_a_store_that_is_cut_off(tmp_path: Path) -> None:
    path = write_small(tmp_path / "cams.h5", "cams")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    message = refused(path)
    assert (
        f"cut off: it has {len(content) // 2:,} bytes, its header says {len(content):,}" in message
    )
    assert "delete it and let the workflow make it again" in message
    path.write_bytes(b"")
    assert "does not begin as an HDF5 file (0 bytes)" in refused(path)


def test_changed_bytes(tmp_path: Path) -> None:
    path = write_small(tmp_path / "cams.h5", "cams")
    with h5py.File(path) as file:
        place = file[IDS[1]]["high_res"].id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[place + 7] ^= 255
    path.write_bytes(content)
    assert as_json(path)["checksums"] == "not checked"
    result = inspect(path, "--check")
    assert "checksums          wrong  (1 of 12 arrays)" in result.stdout
    assert f"{IDS[1]}/high_res cannot be read" in result.stdout
    assert "1 of 12 arrays cannot be read, expected all" in str(result.exception)


def test_files_of_somebody_else(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w", libver="v110") as file:
        file["x"] = np.zeros(3)
    assert "no store of Conta: its format is None" in refused(tmp_path / "a.h5")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["x"] = np.zeros(3)
    assert "its superblock is of version 0, expected 3" in refused(tmp_path / "b.h5")
    (tmp_path / "c.txt").write_text("text")
    assert "nothing that the workflow writes; name a store" in refused(tmp_path / "c.txt")
    (tmp_path / "d.json").write_text('{"format": "other"}')
    assert "its format is 'other', expected one of conta-dataset" in refused(tmp_path / "d.json")
    (tmp_path / "e.json").write_text("{")
    assert "no readable JSON" in refused(tmp_path / "e.json")
    (tmp_path / "e.safetensors").write_text("{")
    assert "not a model file" in refused(tmp_path / "e.safetensors")
    assert "a folder without masks or a run in it" in refused(tmp_path)


def test_no_such_file(tmp_path: Path) -> None:
    write_small(tmp_path / "cams.h5", "cams")
    message = refused(tmp_path / "cam.h5")
    assert f"cam.h5: no such file; near it: {tmp_path / 'cams.h5'}" in message
    assert "there is no folder" in refused(tmp_path / "no" / "cams.h5")


def test_one_line_and_status_1(tmp_path: Path) -> None:
    """As a user starts it: no traceback."""
    path = write_small(tmp_path / "cams.h5", "cams")
    code = "from conta_core.cli.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "inspect", path, "2007_1"],
        capture_output=True, text=True, env={**os.environ, "COLUMNS": "40"},
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_wrong_use(tmp_path: Path) -> None:
    path = write_small(tmp_path / "cams.h5", "cams")
    assert inspect(path, IDS[0], "--list").exit_code == 2
    assert inspect(path, "--page", 0).exit_code == 2


def test_manifest(run: dict[str, Any]) -> None:
    found = as_json(run["manifest"])
    assert (found["data set"], found["images"]) == ("set", 3)
    assert found["lists"][0] == {"list": "train", "name": "train_aug", "images": 3, "masks": 3}
    assert found["tags"][0] == {"class": "cat", "train images": 2, "val images": 1}
    assert as_json(run["manifest"], "i2")["tags"] == ["cat", "<dog>"]
    assert listed(run["manifest"], "--class", "<dog>") == ["i2"]
    assert "has no image 'i9'" in refused(run["manifest"], "i9")


def test_scores(run: dict[str, Any]) -> None:
    path = run["rounds"][0]["scores"]["cam"]
    found = as_json(path)
    assert (found["run"], found["round"]) == ("r", 0)
    assert found["lists"][0]["threshold"] == 0.35
    assert [row["class"] for row in found["IoU in percent"]] == ["background", "cat", "<dog>"]
    assert "a scores has no images; leave out 'i0'" in refused(path, "i0")
    assert "has no list of images" in refused(path, "--list")


def test_reliance(run: dict[str, Any]) -> None:
    path = run["rounds"][1]["reliance"]
    found = as_json(path)
    assert (found["run"], found["round"], found["list"]) == ("r", 1, "train_aug")
    cat, dog, mean = found["P(class)"]
    assert cat == {"class": "cat", "images": 2, "as it is": 0.8, "filled in": 0.4,
                   "without the tag": 0.1}  # fmt: skip
    assert (dog["class"], dog["images"], dog["filled in"]) == ("<dog>", 0, None)
    assert mean["class"] == "mean"
    assert "a reliance has no images; leave out 'i0'" in refused(path, "i0")


def test_a_folder_of_masks(tmp_path: Path) -> None:
    folder = tmp_path / "round-0" / "pseudo_masks"
    folder.mkdir(parents=True)
    mask = np.zeros(SIZE, np.uint8)
    mask[:2] = 2
    write_label_png(folder / "a.png", mask)
    write_label_png(folder / "b.png", mask[:4])
    found = as_json(folder)
    assert (found["images"], found["classes"]) == (2, "not known")
    assert found["height"] == {"min": 4, "median": 6, "max": 8}
    assert as_json(folder, "a")["classes"][1] == {"class": "label 2", "pixels": 24, "percent": 25}
    assert "has no image 'c'" in refused(folder, "c")
    (folder / "b.png").write_text("no mask")
    assert "b.png: unreadable mask" in refused(folder)


def test_a_folder_of_a_run(tmp_path: Path) -> None:
    write_small(tmp_path / "round-0" / "cam" / "cams.h5", "cams")
    assert f"the folder of a run; name one file of it, e.g. {tmp_path}" in refused(tmp_path)
    assert "the folder of a round" in refused(tmp_path / "round-0", "--list")


def test_parts_of_a_store(tmp_path: Path) -> None:
    header = StoreHeader("labels", list(CLASSES), "r", 1, {})
    ids = [f"i{k}" for k in range(5)]

    def write(upto: int) -> None:
        with write_part(tmp_path / "1-of-2", ids, Part(1, 2), header, "key") as writer:
            for image_id in writer.missing[:upto]:
                writer.write(image_id, {"labels": np.zeros(SIZE, np.uint8)}, SIZE)

    with pytest.raises(ValueError, match="are missing"):
        write(2)
    unfinished = tmp_path / ".1-of-2.unfinished"
    result = inspect(unfinished)
    assert "what               part 1 of 2 of a labels store" in result.stdout
    assert "images             2  (of 3 in this part, 5 in the whole store)" in result.stdout
    assert "a part that is not complete: 2 of 3 images" in str(result.exception)
    write(1)
    found = as_json(tmp_path / "1-of-2")
    assert (found["images"], found["complete"]) == (3, "yes")
    content = (tmp_path / "1-of-2").read_bytes()
    (tmp_path / "1-of-2").write_bytes(content[:20])
    assert "not a whole part" in refused(tmp_path / "1-of-2")


def test_models(tmp_path: Path) -> None:
    import torch

    from conta_core.weights import save_backbone, save_model

    model = torch.nn.Linear(3, 2)
    path = tmp_path / "model.safetensors"
    save_model(path, model, "cam", CLASSES, {"backbone": "b"})
    found = as_json(path)
    assert found["what"] == "model of kind cam (conta-model)"
    assert (found["tensors"], found["numbers"]) == (2, 8)
    assert (found["classes"], found["architecture"]) == (list(CLASSES), {"backbone": "b"})
    assert as_json(path, "--check")["checksums"] == "right"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert as_json(path)["checksums"] == "not checked"
    assert "its checksum is wrong" in refused(path, "--check")
    save_backbone(path, model, ["resnet50"])
    found = as_json(path, "--check")
    assert (found["fits `backbone`"], found["checksums"]) == (["resnet50"], "none")
    assert "has no images" in refused(path, "i")
