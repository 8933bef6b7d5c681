from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inspecting import as_json, inspect, listed, refused
from small_stores import CLASSES, IDS, SIZE, write_small

from conta_core.images.masks import write_label_png
from conta_core.storage.stores.kinds import StoreHeader
from conta_core.storage.stores.parts import Part, write_part


def test_no_such_file(tmp_path: Path) -> None:
    write_small(tmp_path / "cams.h5", "cams")
    message = refused(tmp_path / "cam.h5")
    assert f"cam.h5: no such file; did you mean '{tmp_path / 'cams.h5'}'" in message
    assert "there is no folder" in refused(tmp_path / "no" / "cams.h5")


def test_one_line_and_status_1(tmp_path: Path) -> None:
    """As a user starts it: no traceback."""
    path = write_small(tmp_path / "cams.h5", "cams")
    code = "from conta_core.tools.cli.app import main; main()"
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
    rows = found["FPR, FNR, FP / TP, validation list"]
    assert rows[1] == {"class": "cat", "FPR": 12.5, "FNR": 18.75, "FP / TP": 0.18}
    assert [row["class"] for row in rows[3:]] == ["mean", "mean, no background"]
    assert "biased pairs, training list" not in found
    (pair,) = as_json(run["rounds"][0]["scores"]["pseudo_masks"])["biased pairs, training list"]
    assert pair == {"class": "cat", "companion": "<dog>", "images with": 6, "IoU with": 61.25,
                    "images without": 9, "IoU without": 41.0}  # fmt: skip
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

    from conta_core.storage.model_files import save_backbone, save_model

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
