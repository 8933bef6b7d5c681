"""A finished run, made afresh in each session of tests by the real workflow."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from tiny_runs import Workflow, copy_code, reduced
from warm_python import warm_python


@pytest.fixture(scope="session")
def workflow_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the workflow's code; who edits it undoes the edit."""
    return copy_code(tmp_path_factory.mktemp("code") / "conta")


@pytest.fixture(scope="session")
def make_once(
    workflow_code: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Callable[..., Workflow]:
    """Maker of finished runs: several workers of pytest make them once together.

    Each worker has a copy of them. The maker's arguments: a name, the config, the targets, and
    the environment and the Python, if they are not those of the tests. Without these a warm
    Python of their own makes the runs: what differs from start to start differs between them.
    """

    def make(
        name: str,
        config: Mapping[str, Any],
        *targets: str,
        environment: Mapping[str, str] | None = None,
        python: str | None = None,
    ) -> Workflow:
        def run(directory: Path) -> None:
            with nullcontext(python) if python or environment else warm_python() as program:
                Workflow(workflow_code, directory, config, environment, program).run(*targets)

        own = tmp_path_factory.mktemp(name)
        workflow = Workflow(workflow_code, own, config, environment)
        if worker_id == "master":
            run(own)
            return workflow
        shared = tmp_path_factory.getbasetemp().parent / name
        done = shared / "done"
        with FileLock(f"{shared}.lock"):
            if not done.exists():
                shared.mkdir(exist_ok=True)
                run(shared)
                done.touch()
        for folder in (path.name for path in shared.iterdir() if path.is_dir()):
            copy_folder(shared, own, folder)
        return workflow

    return make


@pytest.fixture(scope="session")
def finished(make_once: Callable[..., Workflow]) -> Workflow:
    """Finished runs of one DAG, ``conta`` and others beside it; read it, or dry-run it."""
    return make_once("finished", reduced())


@pytest.fixture(scope="session")
def compared(make_once: Callable[..., Workflow]) -> Workflow:
    """A finished comparison: two arms, one level, two seeds, two rounds; read it, or dry-run it.

    Its runs of seed 0 have the settings of ``control`` and ``conta`` among the finished runs.
    """
    comparison = {
        "name": "tiny",
        "arms": {"control": {"context": {"method": "none"}}, "conta": {"context": {"steps": 5}}},
        "levels": [{"confounding": 0.9, "seeds": 2}],
    }
    return make_once("compared", reduced({}, rounds=2, comparison=comparison), "evidence")


@pytest.fixture
def copied(tmp_path: Path) -> Callable[[Workflow], Workflow]:
    """Maker of a copy of runs to spoil; its files are links: replace them, never write in."""

    def copy(made: Workflow) -> Workflow:
        directory = tmp_path / "copied"
        for folder in ("results", ".snakemake"):
            copy_folder(made.directory, directory, folder)
        return replace(made, directory=directory)

    return copy


@pytest.fixture
def finished_copy(finished: Workflow, copied: Callable[[Workflow], Workflow]) -> Workflow:
    """A copy of the finished runs to spoil."""
    return copied(finished)


def copy_folder(source: Path, target: Path, name: str) -> None:
    """Copy a folder of a working directory; results, which are large, as links."""
    copy = os.link if name == "results" else shutil.copy2
    shutil.copytree(source / name, target / name, copy_function=copy)


@pytest.fixture
def fresh(workflow_code: Path, tmp_path: Path) -> Callable[..., Workflow]:
    """Maker of a workflow without results."""

    def make(config: Mapping[str, Any]) -> Workflow:
        directory = tmp_path / "work"
        directory.mkdir(exist_ok=True)
        return Workflow(workflow_code, directory, config)

    return make
