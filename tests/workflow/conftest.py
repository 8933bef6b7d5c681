"""A finished run, made afresh in each session of tests by the real workflow."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tiny_runs import Workflow, copy_code, reduced


@pytest.fixture(scope="session")
def workflow_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the workflow's code; who edits it undoes the edit."""
    return copy_code(tmp_path_factory.mktemp("code") / "conta")


@pytest.fixture(scope="session")
def finished(workflow_code: Path, tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """Two finished runs of one DAG, ``conta`` and its ``control``; read it, or dry-run it."""
    directory = tmp_path_factory.mktemp("finished")
    workflow = Workflow(workflow_code, directory, reduced())
    workflow.run()
    return workflow


@pytest.fixture
def finished_copy(finished: Workflow, tmp_path: Path) -> Workflow:
    """A copy of the finished runs to spoil; its files are links: replace them, never write in."""
    directory = tmp_path / "finished"
    shutil.copytree(finished.directory / "results", directory / "results", copy_function=os.link)
    shutil.copytree(finished.directory / ".snakemake", directory / ".snakemake")
    return Workflow(finished.code, directory, finished.config)


@pytest.fixture
def fresh(workflow_code: Path, tmp_path: Path) -> Callable[..., Workflow]:
    """Maker of a workflow without results."""

    def make(config: Mapping[str, Any]) -> Workflow:
        directory = tmp_path / "work"
        directory.mkdir(exist_ok=True)
        return Workflow(workflow_code, directory, config)

    return make
