"""A run whose CAMs are CLIP-ES's: every stage after them, and no classifier anywhere."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from tiny_runs import REPOSITORY, Work, Workflow
from typer.testing import CliRunner

from conta_core.data.synthetic.context_shapes import CLASSES
from conta_core.images.masks import read_label_png
from conta_core.storage.stores.reader import StoreReader
from conta_core.storage.text_embeddings import TextEmbeddings, save_text_embeddings
from conta_core.tools.cli.app import app

RUN = "reduced-clip-es"
CONFIG: dict[str, Any] = yaml.safe_load((REPOSITORY / "tests/reduced/clip_es.yaml").read_text())
ROUND = f"results/{RUN}/round-0"
#: all that asks a classifier
OF_CLASSIFIER = {"train_cam", "evaluate_reliance", "measure_objects", "gather_objects"}


def write_texts(folder: Path, seed: int = 0) -> None:
    """Random embeddings of the classes and of two background words, as wide as the tower."""
    draw = torch.randn((len(CLASSES) + 2, 192), generator=torch.Generator().manual_seed(seed))
    words = ("wall", "floor")
    of_classes, of_words = draw[: len(CLASSES)], draw[len(CLASSES) :]
    texts = [[name] for name in CLASSES]
    embeddings = TextEmbeddings(CLASSES, words, of_classes, of_words, "random", "{}", texts)
    save_text_embeddings(folder / "text.safetensors", embeddings)


def test_a_plan_before_the_texts_are_there(fresh: Callable[..., Workflow]) -> None:
    """And the run itself is refused before its first stage."""
    workflow = fresh(CONFIG)
    found = workflow.stale()
    assert not {work.rule for work in found} & OF_CLASSIFIER
    assert {work.round for work in found} == {None, 0}
    done = workflow.start("--cores", "1")
    assert done.returncode != 0
    assert f"run {RUN}: cam.text is 'text.safetensors': no such file; conta text-emb" in done.stdout
    assert not (workflow.directory / "results").exists()


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"rounds": 2}, "and rounds is 2; give rounds: 1"),
        ({"context": {"method": "conta"}}, "and context.method is conta; give"),
        ({"rounds": 3}, "and rounds is 3; give rounds: 1"),
        ({"cam": {"text": None}}, "text is null; name the text embeddings of the classes"),
        ({"cam": {"scales": [2.0]}}, "cam.scales is not a key"),
    ],
)
def test_what_needs_a_classifier_is_refused(
    fresh: Callable[..., Workflow], changes: dict[str, Any], found: str
) -> None:
    done = fresh(CONFIG).start("-n", changes=changes)
    assert done.returncode != 0
    assert found in done.stdout


def test_files_of_a_classifier_cannot_be_asked_for(fresh: Callable[..., Workflow]) -> None:
    done = fresh(CONFIG).start("-n", f"{ROUND}/cam/model.safetensors")
    assert done.returncode != 0
    assert "cam.method is 'clip-es', which has no train_cam in round 0" in done.stdout


@pytest.mark.slow
def test_the_whole_run(fresh: Callable[..., Workflow], monkeypatch: pytest.MonkeyPatch) -> None:
    workflow = fresh(CONFIG)
    write_texts(workflow.directory)
    workflow.run()
    folder = workflow.directory / ROUND
    assert not (folder / "cam/model.safetensors").exists()
    assert not (folder / "scores/reliance.json").exists()
    masks = [read_label_png(path) for path in (folder / "pseudo_masks").glob("*.png")]
    assert len(masks) == 12
    assert any((mask == 255).any() for mask in masks)
    for name in ("cam", "refined", "pseudo_masks", "segmentation", "segmentation_crf"):
        assert json.loads((folder / f"scores/{name}.json").read_text())["lists"]
    scores = json.loads((folder / "scores/cam.json").read_text())["confounding"]
    assert scores["val"]["images"] == 6
    assert "swap_test" not in scores["val"]
    page = (workflow.directory / f"results/{RUN}/report.html").read_text()
    assert "clip-es" in page
    with StoreReader(folder / "cam/cams.h5", "cams") as store:
        image = store.image_ids[0]
        assert not store.has(image, "probability")
        assert store.settings["text"] == "text.safetensors"
    assert workflow.stale() == set()

    monkeypatch.chdir(workflow.directory)
    run, cams = f"results/{RUN}", f"{ROUND}/cam/cams.h5"
    for words in (
        ("status", run),
        ("show", run, image, "-o", "run.png"),
        ("show", cams, image, "-o", "cams.png"),
        ("inspect", cams, "--check"),
        ("inspect", cams, image),
        ("diff", cams, cams),
        ("diff", f"{ROUND}/scores/cam.json", f"{ROUND}/scores/cam.json"),
        ("export", run, "-f", "voc", "-o", "exported"),
    ):
        done = CliRunner().invoke(app, list(words))
        assert done.exit_code == 0, (words, done.output, done.exception)

    # what hangs on what
    extraction = {Work("extract_cams", RUN, 0), Work("gather_cams", RUN, 0)}
    changed = workflow.stale(changes={"cam": {"power": 1}})
    assert extraction <= changed
    assert not {work.rule for work in changed} & {"index_dataset", *OF_CLASSIFIER}
    write_texts(workflow.directory, seed=1)
    later = (folder / "cam/cams.h5").stat().st_mtime_ns + 10**9
    os.utime(workflow.directory / "text.safetensors", ns=(later, later))
    assert workflow.stale() == changed
