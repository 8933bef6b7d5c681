from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from shown_run import write_shown_run
from typer.testing import CliRunner, Result

from conta_core.errors import ContaError
from conta_core.tools.cli.app import app

CAMS = "round-0/cam/cams.h5"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_shown_run(tmp_path)


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["show", *map(str, arguments)])


def message(*arguments: object) -> str:
    """What a user reads of a ContaError: one line."""
    result = call(*arguments)
    assert isinstance(result.exception, ContaError), result.output
    text = str(result.exception)
    assert "\n" not in text
    return text


def test_it_writes_the_picture_and_says_so(run: Path, tmp_path: Path) -> None:
    output = tmp_path / "new/out.png"
    result = call(run / CAMS, "photo_a", "-o", output)
    assert result.exit_code == 0, result.output
    with Image.open(output) as image:
        assert result.output == f"{output}: {image.width} x {image.height} pixels\n"
    first = output.read_bytes()
    output.write_bytes(b"another")
    assert call(run / CAMS, "photo_a", "-o", output).exit_code == 0
    assert output.read_bytes() == first


@pytest.mark.parametrize(
    ("target", "image", "name"),
    [
        (".", "photo_a", "photo_a-r.png"),
        (CAMS, "photo_a", "photo_a-cams-round-0.png"),
        ("round-0/context/confounders.h5", None, "confounders-round-0.png"),
        ("round-0/pseudo_masks", "photo_a", "photo_a-pseudo_masks.png"),
        ("dataset.json", "val_a", "val_a-ground_truth.png"),
    ],
)
def test_names_of_its_own(
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    target: str,
    image: str | None,
    name: str,
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    arguments = [run / target, *([image] if image else [])]
    assert call(*arguments).exit_code == 0
    assert [path.name for path in Path.cwd().iterdir()] == [name]
    assert f"{name}: is there already; name the picture with -o" in message(*arguments)


def test_options_reach_the_picture(run: Path, tmp_path: Path) -> None:
    def size(*options: object) -> tuple[int, int]:
        assert call(run, "photo_a", "-o", tmp_path / "a.png", *options).exit_code == 0
        with Image.open(tmp_path / "a.png") as image:
            return image.size

    whole = size()
    assert size("--round", 0, "--round", 1) == whole
    one = size("--round", 0)
    assert one[0] == whole[0]
    assert one[1] < whole[1] - 240
    assert size("--size", 100)[0] < 700
    assert size("--no-photo")[1] < whole[1] - 240
    assert size("--overlay", 0.5) == whole


@pytest.mark.parametrize("kind", ["pdf", "svg"])
def test_other_formats(run: Path, tmp_path: Path, kind: str) -> None:
    output = tmp_path / f"out.{kind}"
    assert call(run / CAMS, "photo_a", "-o", output).exit_code == 0
    assert output.read_bytes().startswith({"pdf": b"%PDF", "svg": b"<?xml"}[kind])


def test_images_that_are_not_there(run: Path) -> None:
    assert "cams.h5: has no image 'photo' among its 4; did you mean 'photo_" in message(
        run / CAMS, "photo"
    )
    assert "did you mean 'photo_a'" in message(run, "photo_A")
    assert "did you mean 'val_a'" in message(run / "dataset.json", "val_b")
    text = message(run / "round-0/irn/labels.h5", "val_a")
    assert "has no image 'val_a' among its 3 (the data set has it, on the validation list)" in text
    assert "it has photo_a, photo_b, photo_none" in message(run / "round-0/pseudo_masks", "?")
    assert "holds 4 images; name one: photo_a, photo_b, photo_none, ..." in message(run / CAMS)
    confounders = run / "round-0/context/confounders.h5"
    assert "leave 'photo_a' out" in message(confounders, "photo_a")


def test_what_cannot_be_shown(run: Path, tmp_path: Path) -> None:
    assert "nothing.h5: no such file or folder; expected a store" in message("nothing.h5", "a")
    photograph = message(run / "data/photo_a.jpg", "photo_a")
    assert "cannot be opened as a store (it does not begin as an HDF5 file)" in photograph
    assert "delete" not in photograph
    assert "a folder without masks" in message(run / "round-0/cam", "photo_a")
    assert f"name {run}, and the round with --round 1" in message(run / "round-1", "photo_a")
    (run / "summary.json").write_text(json.dumps({"format": "conta-summary"}))
    text = message(run / "summary.json", "photo_a")
    assert "its format is 'conta-summary', expected 'conta-dataset'" in text
    assert "delete" not in text
    text = message(run / CAMS, "photo_a", "--dataset", tmp_path / "no.json")
    assert "no.json: no such file; name the dataset.json of a run" in text
    text = message(run, "photo_a", "--round", 3)
    assert "has no round 3; it has 0, 1" in text
    assert "--round is for the folder of a run" in message(run / CAMS, "photo_a", "--round", 0)
    with h5py.File(tmp_path / "other.h5", "w", libver="v110") as file:
        file.attrs["format"] = np.bytes_("weather")
    assert "no store of Conta: its format is 'weather'" in message(tmp_path / "other.h5", "a")


def test_damaged_and_old_stores(run: Path) -> None:
    path = run / CAMS
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    text = message(path, "photo_a")
    assert "a store that is cut off" in text
    assert "delete it and let the workflow make it again" in text
    path.write_bytes(whole)
    with h5py.File(path, "r+", libver="v110") as file:
        file.attrs["format_version"] = 1
    assert "format version 1, expected 3; delete it" in message(path, "photo_a")
    path.write_bytes(whole)
    with h5py.File(path, "r+", libver="v110") as file:
        file.attrs["complete"] = False
    assert "the store is not complete" in message(run, "photo_a")
    path.write_bytes(whole)
    with h5py.File(path, "r+", libver="v110") as file:
        del file["photo_a/high_res"]
        file["photo_a/high_res"] = np.zeros((1, 5, 5), np.float16)
    assert "the arrays of photo_a do not fit an image of (60, 80)" in message(path, "photo_a")


@pytest.mark.parametrize(
    ("name", "array"), [(CAMS, "high_res"), ("round-0/context/context.h5", "mask")]
)
def test_numbers_that_are_not_finite(run: Path, name: str, array: str) -> None:
    with h5py.File(run / name, "r+", libver="v110") as file:
        values = file[f"photo_a/{array}"][()]
        values[..., 0, 0] = np.nan
        file[f"photo_a/{array}"][()] = values
    assert "not finite" in message(run / name, "photo_a")


def test_names_of_pictures_that_are_refused_before_any_work(run: Path, tmp_path: Path) -> None:
    assert "out.bmp: its ending is .bmp, expected one of .png" in message(
        "nothing.h5", "a", "-o", "out.bmp"
    )
    (tmp_path / "file").write_text("")
    text = message(run / CAMS, "photo_a", "-o", tmp_path / "file/out.png")
    assert "file/out.png: cannot be written" in text


@pytest.mark.parametrize(
    "options", [["--overlay", "1.5"], ["--size", "0"], ["--round", "-1"], ["--what"]]
)
def test_bad_usage(run: Path, options: list[str]) -> None:
    assert call(run, "photo_a", *options).exit_code == 2


def test_a_user_sees_one_clear_error_and_status_1(tmp_path: Path) -> None:
    code = "from conta_core.tools.cli.app import main; main()"
    command = [sys.executable, "-c", code, "show", str(tmp_path / "no.h5"), "a"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_the_command_starts_without_what_only_drawing_needs() -> None:
    code = "import sys, conta_core.tools.cli.app; print({'matplotlib', 'torch'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
