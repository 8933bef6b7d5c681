"""Rules in environments of their own (``--sdm conda``), as far as it goes without conda."""

from __future__ import annotations

import json
import os
import runpy
import stat
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from photograph_folder import Folder
from tiny_runs import Workflow, reduced

REPOSITORY = Path(__file__).parents[2]
ENVIRONMENT = REPOSITORY / "envs" / "conta.yaml"
#: answers what Snakemake asks of conda; an environment is one that the test made before
CONDA = """\
#!/bin/bash
case "$*" in
  *"info --json"*) echo '{about}';;
  *"config"*) echo '{{"get": {{"channel_priority": "strict"}}, "channel_priority": "strict"}}';;
  "--version"*) echo "conda 24.11.0";;
  *"env create"*)
    prefix=$(sed 's/.*--prefix \\([^ ]*\\).*/\\1/' <<<"$*" | tr -d "'\\"")
    cp -r {made} "$prefix";;
esac
"""


def test_the_file_is_made_of_the_pinned_packages() -> None:
    made = runpy.run_path(str(REPOSITORY / "envs" / "pin.py"))["environment"]()
    assert ENVIRONMENT.read_text() == made, "run `python envs/pin.py`"


def test_the_file_names_all_it_needs_itself() -> None:
    """Snakemake copies it to another folder, where no file lies beside it."""
    content = yaml.safe_load(ENVIRONMENT.read_text())
    (lines,) = [one["pip"] for one in content["dependencies"] if isinstance(one, dict)]
    assert len(lines) > 50
    for line in lines:
        assert not line.startswith(("-", ".", "/")), line
    names = {line.partition("==")[0] for line in lines}
    assert {"torch", "timm", "h5py", "pydensecrf2", "opencv-python-headless"} <= names
    assert "conta" not in names


@pytest.mark.slow
def test_a_script_in_an_environment_without_the_library(
    fresh: Callable[..., Workflow], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All packages are there, but not conta_core: it is found beside the Snakefile."""
    root, made = tmp_path / "conda", tmp_path / "made"
    (root / "bin").mkdir(parents=True)
    venv.create(made, symlinks=True)
    python = made / "bin" / "python"
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    # packages of this environment, without the .pth files that make the library importable
    Path(site, "packages.pth").write_text(sysconfig.get_path("purelib") + "\n")
    look = [python, "-c", "import h5py, importlib.util as u; print(u.find_spec('conta_core'))"]
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(look, check=True, capture_output=True, text=True, cwd="/", env=clean)
    assert done.stdout.strip() == "None"
    about = {
        "conda_version": "24.11.0",
        "platform": "linux-64",
        **dict.fromkeys(("root_prefix", "conda_prefix", "default_prefix"), str(root)),
        "envs": [],
        "envs_dirs": [],
        "pkgs_dirs": [],
    }
    conda = root / "bin" / "conda"
    conda.write_text(CONDA.format(about=json.dumps(about), made=made))
    conda.chmod(conda.stat().st_mode | stat.S_IXUSR)
    (root / "bin" / "activate").write_text('export PATH="$1/bin:$PATH"\n')
    monkeypatch.setenv("PATH", f"{conda.parent}:{os.environ['PATH']}")
    config = reduced({})
    folder = Folder(tmp_path / "photographs")
    config["dataset"] = {"name": "mine", "format": "folder", "root": str(folder.root)}
    workflow = replace(fresh(config), python=sys.executable)
    output = workflow.start(
        "--cores", "1", "results/mine/dataset.json", "--sdm", "conda", check=True
    ).stdout
    assert (workflow.directory / "results/mine/dataset.json").is_file()
    assert ".snakemake/conda/" in output
