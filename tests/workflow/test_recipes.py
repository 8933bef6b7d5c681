"""The recipes in configs/: their plans, and the ancestors' networks on photographs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from tiny_runs import REPOSITORY, dry_run, job_counts

from conta_core import load_model

DATA = REPOSITORY.parent / "shared" / "data"
LISTS = DATA / "voc12_aug"
PHOTOGRAPHS = DATA / "voc12_fullsize"
#: recipes that go on top of configs/voc12.yaml
ON_TOP = ("voc12_recam", "voc12_seam")
RECIPES = sorted((REPOSITORY / "configs").glob("*.yaml"))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_plan_beside_its_data(recipe: Path) -> None:
    """Each recipe's DAG from the repository, where its relative paths begin."""
    root = yaml.safe_load(recipe.read_text()).get("dataset", {}).get("root")
    if root is not None and not (REPOSITORY / root).is_dir():
        pytest.skip(f"no data set {root} beside the repository")
    output = dry_run(REPOSITORY, "--forceall", "--nolock", "--configfile", str(recipe))
    assert job_counts(output)["all"] == 1
    assert job_counts(output)["summarise"] >= 1


def link_placeholders(folder: Path, names: list[str], array: np.ndarray) -> None:
    """One file under many names."""
    folder.mkdir(parents=True)
    first = folder / names[0]
    Image.fromarray(array).save(first)
    for name in names[1:]:
        (folder / name).hardlink_to(first)


@pytest.mark.parametrize("recipe", ["voc12", "coco14", "voc12_clip_es", *ON_TOP])
def test_plan_of_a_full_run(recipe: str, tmp_path: Path) -> None:
    """All rounds on a tree of the real size, before the weights are there."""
    if recipe.startswith("voc12"):
        if not LISTS.is_dir():
            pytest.skip(f"no lists in {LISTS}")
        root = tmp_path / "data/VOCdevkit/VOC2012"
        shutil.copytree(LISTS, root / "ImageSets/Segmentation", ignore=lambda *_: ["*.tar"])
        ids = [
            line
            for name in ("train_aug", "val")
            for line in (root / f"ImageSets/Segmentation/{name}.txt").read_text().split()
        ]
        assert len(ids) == 10582 + 1449
        grey = np.zeros((2, 2), np.uint8)
        link_placeholders(root / "JPEGImages", [f"{i}.jpg" for i in ids], grey)
        link_placeholders(root / "SegmentationClassAug", [f"{i}.png" for i in ids], grey)
    else:
        folder = tmp_path / "data/coco2014/annotations"
        folder.mkdir(parents=True)
        for name in ("train2014", "val2014"):
            (folder / f"instances_{name}.json").write_text("{}")
    base = ["voc12"] if recipe in ON_TOP else []
    files = [str(REPOSITORY / f"configs/{name}.yaml") for name in (*base, recipe)]
    counts = job_counts(dry_run(tmp_path, "--configfile", *files))
    if recipe == "voc12_clip_es":
        assert counts["extract_cams"] == counts["train_deeplab"] == counts["summarise"] == 1
        assert not counts.keys() & {"train_cam", "train_irn", "evaluate_reliance", "deconfound"}
        return
    assert counts["train_cam"] == counts["train_irn"] == counts["train_deeplab"] == 3
    assert counts["train_recam"] == (3 if recipe == "voc12_recam" else 0)
    assert counts["deconfound"] == counts["build_confounders"] == 2
    assert counts["summarise"] == 1


def start(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "snakemake", "-s", str(REPOSITORY / "Snakefile"), *words],
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1500,
    )


def test_weights_that_are_not_there(tmp_path: Path) -> None:
    """Found before the first stage, not before the last one."""
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump({"segmentation": {"weights": "lost.safetensors"}}))
    done = start(tmp_path, "--cores", "1", "--configfile", str(file))
    assert done.returncode != 0
    assert "segmentation.weights is 'lost.safetensors': no such file" in done.stdout
    assert not (tmp_path / "results").exists()


PHOTOGRAPHS_USED = 6
#: voc12.yaml at reduced size: one step of each training, random weights, few scales
ONE_STEP: dict[str, Any] = {
    "dataset": {"root": str(PHOTOGRAPHS), "lists": {"train": "some", "val": "few"}},
    "rounds": 1,
    "cam": {"weights": "none", "iterations": 1, "batch_size": 4, "crop": 160, "scales": [0.5]},
    "irn": {
        "weights": "none",
        "iterations": 1,
        "batch_size": 4,
        "crop": 160,
        "label_crf": {"iterations": 1},
    },
    "refinement": {"steps": 16, "inference_pad": None},
    "segmentation": {"weights": "none", "iterations": 1, "batch_size": 2, "crop": 161},
}


@pytest.mark.slow
def test_one_step_of_each_training(tmp_path: Path) -> None:
    """The ancestors' networks on some photographs of VOC 2012, full size, up to DeepLab's step."""
    if not PHOTOGRAPHS.is_dir():
        pytest.skip(f"no photographs in {PHOTOGRAPHS}")
    tree = tmp_path / "VOC2012"
    tree.mkdir()
    for name in ("JPEGImages", "SegmentationClassAug"):
        (tree / name).symlink_to(PHOTOGRAPHS / name)
    lists = tree / "ImageSets/Segmentation"
    shutil.copytree(PHOTOGRAPHS / "ImageSets/Segmentation", lists)
    ids = (lists / "val.txt").read_text().split()
    (lists / "some.txt").write_text("\n".join(ids[:PHOTOGRAPHS_USED]) + "\n")
    (lists / "few.txt").write_text("\n".join(ids[:2]) + "\n")
    changes = json.loads(json.dumps(ONE_STEP))
    changes["dataset"]["root"] = str(tree)
    file = tmp_path / "reduced.yaml"
    file.write_text(yaml.safe_dump(changes))
    model = "results/voc12/round-0/segmentation/model.safetensors"
    recipe = str(REPOSITORY / "configs/voc12.yaml")
    done = start(tmp_path, model, "--cores", "2", "--configfile", recipe, str(file))
    assert done.returncode == 0, done.stdout[-8000:]
    folder = tmp_path / "results/voc12/round-0"
    assert len(list((folder / "pseudo_masks").glob("*.png"))) == PHOTOGRAPHS_USED
    for stage in ("cam", "irn", "segmentation"):
        network = load_model(folder / stage / "model.safetensors")
        assert all(bool(p.isfinite().all()) for p in network.parameters())
