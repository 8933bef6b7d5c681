"""A GPU gives what the CPU gives, to rounding, and the same bits again; skipped where none is."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from safetensors.numpy import load_file
from tiny_runs import REPOSITORY, Workflow, reduced

pytestmark = pytest.mark.slow

#: round 0 whole and round 1 up to its CAMs, which know a context
RUNS = {
    "conta": {"rounds": 2},
    "intervention": {
        "rounds": 2,
        "context": {"method": "intervention", "intervention": {"balance": "propensity"}},
    },
}
CAMS = [f"results/{run}/round-1/cam/cams.h5" for run in RUNS]
FIRST = "results/conta/round-0"
#: what a stage with a network writes, from inputs that the CPU made
OUTPUTS = {
    "train_cam": f"{FIRST}/cam/model.safetensors",
    "extract_cams": f"{FIRST}/cam/cams.h5",
    "train_irn": f"{FIRST}/irn/model.safetensors",
    "refine_cams": f"{FIRST}/irn/refined.h5",
    "train_deeplab": f"{FIRST}/segmentation/model.safetensors",
    "predict_train_masks": f"{FIRST}/segmentation/train_masks.h5",
    "predict_logits": f"{FIRST}/segmentation/logits.h5",
    "deconfound": f"{FIRST}/context/context.h5",
    "measure_objects": "results/intervention/round-0/intervention/objects.h5",
}
#: of the greatest value; a store of half precision rounds to 5e-4 of a value
NEAR = 2e-3


@pytest.fixture(scope="module")
def on_cpu(make_once: Callable[..., Workflow]) -> Workflow:
    return make_once("on-cpu", reduced(RUNS), *CAMS)


def arrays(path: Path) -> dict[str, np.ndarray]:
    """Everything in a file of ours, by name."""
    if path.suffix == ".safetensors":
        return load_file(path)
    found: dict[str, np.ndarray] = {}

    def keep(name: str, item: h5py.Dataset | h5py.Group) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = np.asarray(item[()])

    with h5py.File(path, "r", locking=False) as file:
        file.visititems(keep)
    return found


@pytest.mark.parametrize("rule", OUTPUTS)
def test_near_the_cpu(
    rule: str,
    gpu_environment: dict[str, str],
    on_cpu: Workflow,
    copied: Callable[[Workflow], Workflow],
) -> None:
    """One stage again on the GPU, from the same inputs."""
    again = replace(copied(on_cpu), environment=gpu_environment)
    output = OUTPUTS[rule]
    (again.directory / output).unlink()
    again.run("--rerun-triggers", "mtime", "--", output)
    expected, found = (arrays(one.directory / output) for one in (on_cpu, again))
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        if values.dtype.kind == "f":
            scale = np.abs(values).max(initial=1e-6)
            far = np.abs(found[name].astype(np.float64) - values).max(initial=0) / scale
            print(rule, name, f"{far:.1e}")
            assert far < NEAR, name
        elif values.dtype == np.uint8:
            assert (found[name] == values).mean() > 0.99, name
        else:
            np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_the_same_bits_again(
    make_once: Callable[..., Workflow], gpu_environment: dict[str, str]
) -> None:
    one, two = (
        make_once(name, reduced(RUNS), *CAMS, environment=gpu_environment).directory / "results"
        for name in ("on-gpu", "on-gpu-again")
    )
    files = [path.relative_to(one) for path in one.rglob("*") if path.is_file()]
    assert len(files) > 40
    other = [str(name) for name in files if (one / name).read_bytes() != (two / name).read_bytes()]
    assert not other


def test_trainings_stop_and_go_on(gpu_environment: dict[str, str]) -> None:
    """The tests of the training loop, resuming and mixed precision among them, on the GPU."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit/training"],
        cwd=REPOSITORY,
        env=gpu_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stdout[-4000:]
