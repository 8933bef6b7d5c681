"""A data set that changes under a finished run: noticed by what files hold, not by their times."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from photograph_folder import SHAPE, Folder
from PIL import Image
from tiny_runs import Work, Workflow, reduced

from conta_core.images.masks import write_label_png

pytestmark = pytest.mark.slow

MANIFEST = "results/mine/dataset.json"
OLD = 1_000_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "photographs")


@pytest.fixture
def indexed(fresh: Callable[..., Workflow], folder: Folder, tmp_path: Path) -> Workflow:
    """A workflow whose data set, reached by a link, was indexed."""
    link = tmp_path / "linked"
    link.symlink_to(folder.root)
    config = reduced({})
    config["dataset"] = {
        "name": "mine",
        "format": "folder",
        "root": str(link),
        "classes": ["cat", "dog"],
    }
    workflow = fresh(config)
    workflow.run(MANIFEST)
    assert workflow.stale(MANIFEST) == set()
    return workflow


def stale(workflow: Workflow) -> bool:
    found: set[Work] = workflow.stale(MANIFEST)
    return bool(found)


def replace_by_older(path: Path, content: bytes) -> None:
    """As ``cp -p``, ``rsync -a`` or ``tar`` do it."""
    other = path.with_name("other")
    other.write_bytes(content)
    os.utime(other, (OLD, OLD))
    other.rename(path)


def test_an_older_table(indexed: Workflow, folder: Folder) -> None:
    table = folder.root / "tags.csv"
    replace_by_older(table, table.read_bytes().replace(b"cat;dog", b"dog"))
    assert stale(indexed)
    indexed.run(MANIFEST)
    assert not stale(indexed)


def test_the_link_to_an_older_folder(indexed: Workflow, folder: Folder, tmp_path: Path) -> None:
    other = tmp_path / "older"
    shutil.copytree(folder.root, other)
    table = (other / "tags.csv").read_bytes()
    replace_by_older(other / "tags.csv", table.replace(b"cat;dog", b"cat"))
    for path in (other, *other.rglob("*")):
        os.utime(path, (OLD, OLD))
    link = tmp_path / "linked"
    link.unlink()
    link.symlink_to(other)
    assert stale(indexed)


def test_times_alone_change_nothing(indexed: Workflow, folder: Folder) -> None:
    for path in folder.root.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes())
    assert not stale(indexed)


def test_braces_in_a_folders_name(fresh: Callable[..., Workflow], tmp_path: Path) -> None:
    folder = Folder(tmp_path / "my {photos} {x")
    config = reduced({})
    config["dataset"] = {"name": "mine", "format": "folder", "root": str(folder.root)}
    workflow = fresh(config)
    workflow.run(MANIFEST)
    assert not stale(workflow)
    table = folder.root / "tags.csv"
    replace_by_older(table, table.read_bytes().replace(b"cat;dog", b"dog"))
    assert stale(workflow)


@pytest.mark.parametrize("older", [True, False])
@pytest.mark.parametrize("name", ["images/a.jpg", "masks/a.png"])
def test_a_file_that_was_replaced(
    indexed: Workflow, folder: Folder, tmp_path: Path, name: str, older: bool
) -> None:
    made = tmp_path / Path(name).name
    if name.startswith("images"):
        Image.fromarray(np.zeros((*SHAPE, 3), np.uint8)).save(made)
    else:
        write_label_png(made, np.ones(SHAPE, np.uint8))
    if older:
        replace_by_older(folder.root / name, made.read_bytes())
    else:
        shutil.copy(made, folder.root / name)
    output = indexed.start("-n", MANIFEST, check=True).stdout
    assert "1 photographs or masks are other files than index_dataset read" in output
    assert f"linked/{name}" in output
    assert stale(indexed)
    indexed.run(MANIFEST)
    assert not stale(indexed)
