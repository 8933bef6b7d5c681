"""A full disk and a read-only one, under every stage that writes."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import ERROR, WRONG, Bench, Tally
from tiny_runs import Workflow

#: what each stage writes, under results; a store is written in parts, then gathered
WRITTEN = {
    "make_context_shapes": "conta/context_shapes",
    "index_dataset": "conta/dataset.json",
    "train_cam": "conta/round-1/cam/model.safetensors",
    "extract_cams, gather_cams": "conta/round-1/cam/cams.h5",
    "make_irn_labels, gather_labels": "conta/round-1/irn/labels.h5",
    "train_irn": "conta/round-1/irn/model.safetensors",
    "refine_cams, gather_refined": "conta/round-1/irn/refined.h5",
    "make_pseudo_masks": "conta/round-1/pseudo_masks",
    "train_deeplab": "conta/round-1/segmentation/model.safetensors",
    "predict_train_masks, gather_train_masks": "conta/round-1/segmentation/train_masks.h5",
    "predict_logits, gather_logits": "conta/round-1/segmentation/logits.h5",
    "build_confounders": "conta/round-0/context/confounders.h5",
    "deconfound": "conta/round-0/context/context.h5",
    "measure_objects, gather_objects": "intervention/round-0/intervention/objects.h5",
    "evaluate_cams": "conta/round-1/scores/cam.json",
    "evaluate_crf": "conta/round-1/scores/segmentation_crf.json",
    "summarise": "conta/report.html",
}
#: bytes that are left on the full disk
LEFT = 4096


def full_disk(bench: Bench) -> Tally:
    """Each stage on a disk with a page left; with room again it gives the right result."""
    tally = Tally("full disk", "a stage writes to a file system with 4 KiB left, all stages")
    for trial in trials(bench, "full"):
        filler = trial.disk / ".filler"
        fill(filler)
        done = bench.run(trial.workflow, trial.target)
        outcome, note = bench.compare(trial.workflow)  # what is small enough found its place
        if done.returncode:
            outcome, note = bench.judge_error(done, "No space left on device")
        if outcome == ERROR and (trial.workflow.directory / trial.target).is_file():
            outcome, note = WRONG, "the file stands there all the same"
        filler.unlink()
        conclude(tally, bench, trial, outcome, note)
    return tally


def read_only(bench: Bench) -> Tally:
    """Each stage where nothing can be written."""
    tally = Tally("read-only results", "a stage writes to a file system mounted read-only")
    for trial in trials(bench, "read-only"):
        mount("-o", "remount,ro", str(trial.disk))
        done = bench.run(trial.workflow, trial.target)
        # Snakemake itself says so of outputs that stand there already
        protected = "Write-protected output files"
        says = protected if protected in done.stdout else "cannot be written to"
        outcome, note = bench.judge_error(done, says)
        mount("-o", "remount,rw", str(trial.disk))
        conclude(tally, bench, trial, outcome, note)
    return tally


@dataclass(frozen=True)
class Trial:
    """A finished run on a disk of its own, but for what one stage writes.

    Attributes:
        stage: in words.
        target: what it writes, missing now.
        workflow: the run.
        disk: its results, a small file system.
    """

    stage: str
    target: str
    workflow: Workflow
    disk: Path


def trials(bench: Bench, name: str) -> Iterator[Trial]:
    """One of every stage that writes."""
    for stage, path in WRITTEN.items():
        workflow = bench.copy(name)
        with small_disk(workflow.directory / "results") as disk:
            trial = Trial(stage, f"results/{path}", workflow, disk)
            remove(workflow.directory / trial.target)
            yield trial


def conclude(tally: Tally, bench: Bench, trial: Trial, outcome: str, note: str) -> None:
    """Count a trial, after an undisturbed run has made up for it."""
    after, differing = bench.judge(trial.workflow, trial.target)
    tally.add(after if after == WRONG else outcome, f"{trial.stage}: {note or differing}")


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system in memory in place of a folder, with the folder's files on it."""
    aside = folder.with_name("aside")
    folder.rename(aside)
    folder.mkdir()
    size = sum(path.stat().st_size + 4096 for path in aside.rglob("*")) + 2**25
    mount("-t", "tmpfs", "-o", f"size={size}", "conta-faults", str(folder))
    try:
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=60)
        shutil.rmtree(aside)


def fill(filler: Path) -> None:
    """Write until no more than :data:`LEFT` bytes are free."""
    with open(filler, "wb") as stream:
        while True:
            status = os.statvfs(filler.parent)
            room = status.f_bavail * status.f_frsize - LEFT
            if room <= 0:
                return
            stream.write(bytes(min(room, 2**20)))
            stream.flush()


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, timeout=60)
