"""What the fingerprint leaves out changes no result: the same bits with it and without it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from chain import IRN, REFINEMENT, Chain, causal
from whole_store import make_store

from conta_core.causal.methods import CausalMethod
from conta_core.runtime import jobs, memory, progress, progress_bar
from conta_core.settings import (
    ContextSettings,
    InterventionSettings,
    PseudoMaskSettings,
    RefinementSettings,
    SeedSettings,
)
from conta_core.stages.refine_cams import refine_cams
from conta_core.stages.train_irn import train_irn
from conta_core.training import engine, previews, training_log
from conta_core.training.files import TrainingFiles
from conta_core.training.objective import Objective
from conta_core.workflow import fingerprint, resume_key
from conta_core.workflow.fingerprint import OBSERVERS

INTERVENTION = ContextSettings(
    method="intervention", intervention=InterventionSettings(area_filter=None)
)


class Nothing:
    """Takes any call and gives nothing."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments, **options: None


def nothing(*arguments: Any, **options: Any) -> None:
    return None


def items(values: Any, *arguments: Any, **options: Any) -> Any:
    return values


#: observer -> what it defines that a stage may call -> what does nothing in its place
REPLACED: dict[str, list[tuple[Any, str, Any]]] = {
    **{
        f"causal.methods.base.CausalMethod.{name}": [(CausalMethod, name, nothing)]
        for name in ("has_stage", "inputs", "keys", "stages")
    },
    **{
        f"settings.cam.SeedSettings.{name}": [(SeedSettings, name, nothing)]
        for name in ("check", "given_files", "has_stage", "inputs", "keys")
    },
    **{
        f"settings.pseudo_masks.PseudoMaskSettings.{name}": [(PseudoMaskSettings, name, nothing)]
        for name in ("check", "given_files", "has_stage", "imports", "inputs", "keys")
    },
    **{
        f"settings.refinement.RefinementSettings.{name}": [(RefinementSettings, name, nothing)]
        for name in ("has_stage", "inputs")
    },
    "runtime.jobs.job": [(jobs, "job", nullcontext)],
    "runtime.memory": [(memory, "keep_freed_memory", nothing), (memory, "releasing", items)],
    "runtime.progress": [(progress, "track", items)],
    "runtime.progress_bar": [(progress_bar, "Bar", Nothing)],
    "training.previews": [(previews, "Previews", Nothing), (previews, "heat_over", nothing)],
    "training.training_log": [(training_log, "TrainingLog", Nothing)],
    "training.objective.Objective.preview": [(Objective, "preview", nothing)],
    "training.objective.Objective.previewed": [(Objective, "previewed", "nothing")],
    "workflow.fingerprint": [(fingerprint, "fingerprint_of", lambda *arguments: "")],
    "workflow.resume_key": [(resume_key, "resume_key", lambda *arguments, **options: "")],
}
#: only refuse: without them a stage takes what it should not
REFUSING = {"errors"}


def test_every_observer_is_replaced() -> None:
    assert {f"conta_core.{name}" for name in (*REPLACED, *REFUSING)} == OBSERVERS


def all_subclasses(owner: type) -> list[type]:
    own = owner.__subclasses__()
    return own + [deeper for one in own for deeper in all_subclasses(one)]


def replace(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, new: Any) -> None:
    """In the module or class, in its subclasses, and wherever it was imported by name."""
    old = getattr(owner, name)
    for one in [owner, *(all_subclasses(owner) if isinstance(owner, type) else [])]:
        monkeypatch.setattr(one, name, new)
    for module in [m for key, m in sys.modules.items() if key.startswith("conta_core.")]:
        for alias, value in list(vars(module).items()):
            if value is old and callable(old):
                monkeypatch.setattr(module, alias, new)


def work(chain: Chain, folder: Path, files: TrainingFiles) -> dict[str, bytes]:
    """Every training with all that observes it, of both methods, and stores image by image."""
    made = Chain(folder, chain.manifest)
    masks, of_m = chain.path("pseudo_masks"), causal(context=chain.path("context.h5"))
    made.measure_objects(model=chain.path("cam.safetensors"), pseudo_masks=masks)
    acting = causal(INTERVENTION, pseudo_masks=masks, objects=made.path("objects.h5"))
    made.train_cam("conta.safetensors", round_index=1, causal=of_m, files=files)
    made.train_cam("intervention.safetensors", round_index=1, causal=acting, files=files)
    made.train_deeplab(1, pseudo_masks=masks, causal=acting, files=files)
    train_irn(
        manifest=chain.manifest,
        labels=chain.path("labels.h5"),
        output=made.path("irn.safetensors"),
        settings=IRN,
        seed=0,
        round_index=0,
        threads=1,
        files=files,
    )
    make_store(
        refine_cams,
        made.path("refined.h5"),
        manifest=chain.manifest,
        model=made.path("irn.safetensors"),
        cams=chain.path("cams.h5"),
        settings=REFINEMENT,
        run=chain.run,
        round_index=0,
        threads=1,
    )
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_bits_without_the_observers(
    chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = tmp_path / "tensorboard"
    whole = work(chain, tmp_path / "whole", TrainingFiles(tensorboard=str(logs)))
    assert list(logs.iterdir())
    assert set(whole) == {
        "conta.safetensors",
        "deeplab.safetensors",
        "intervention.safetensors",
        "irn.safetensors",
        "objects.h5",
        "refined.h5",
    }
    for replacements in REPLACED.values():
        for owner, name, new in replacements:
            replace(monkeypatch, owner, name, new)
    assert engine.TrainingLog is Nothing
    bare_logs = tmp_path / "bare-tensorboard"
    bare = work(chain, tmp_path / "bare", TrainingFiles(tensorboard=str(bare_logs)))
    assert not bare_logs.exists()
    assert bare == whole
