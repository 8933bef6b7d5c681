from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from models import write_cam_like, write_deeplab
from PIL import Image
from typer.testing import CliRunner

from conta_core.errors import ContaError
from conta_core.tools.cli.app import app

REPOSITORY = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_deeplab(tmp_path_factory.mktemp("model") / "model.safetensors")


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        pixels = cv2.resize(rng.integers(0, 256, (5, 5, 3), dtype=np.uint8), (64, 48))
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return folder


def test_folder_to_masks_overlays_and_areas(model: Path, photographs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = CliRunner().invoke(app, ["predict", str(model), str(photographs), "-o", str(out)])
    assert result.exit_code == 0, result.output
    assert "2 photographs predicted (" in result.stdout
    assert f"masks in {out}/masks" in result.stdout
    files = {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()}
    masks = {"masks/a.png", "masks/b.png"}
    assert files == masks | {"overlays/a.jpg", "overlays/b.jpg", "areas.csv"}
    with Image.open(out / "masks/a.png") as mask:
        assert (mask.mode, mask.size) == ("P", (64, 48))
    again = ["predict", str(model), str(tmp_path), "-o", str(out), "--no-overlays"]
    result = CliRunner().invoke(app, again)  # its own results are no photographs
    assert "2 photographs predicted (" in result.stdout
    assert "overlays in" not in result.stdout
    assert (out / "masks/photos/a.png").read_bytes() == (out / "masks/a.png").read_bytes()


def test_json_and_what_failed(model: Path, photographs: Path, tmp_path: Path) -> None:
    (photographs / "c.jpg").write_bytes(b"no image")
    arguments = ["predict", str(model), str(photographs), "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(app, [*arguments, "--json", "--crf"])
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert answer["classes"] == ["background", "cat", "dog", "boat"]
    assert [Path(image["image"]).name for image in answer["images"]] == ["a.png", "b.png"]
    assert all(sum(image["pixels"].values()) == 64 * 48 for image in answer["images"])
    assert all(Path(image["mask"]).is_file() for image in answer["images"])
    assert [Path(failed["image"]).name for failed in answer["failed"]] == ["c.jpg"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert "2 photographs predicted" in result.stdout
    assert result.stderr.startswith(f"error: {photographs}/c.jpg: unreadable image")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["none.safetensors", "photos", "-o", "out"], "none.safetensors: no such file"),
        (["cam.safetensors", "photos", "-o", "out"], "gives CAMs and no masks"),
        (["cut.safetensors", "photos", "-o", "out"], "not a model file"),
        (["model.safetensors", "photo", "-o", "out"], "did you mean 'photos'?"),
        (["model.safetensors", "--camera", "x.mp4", "-o", "o.mp4"], "x.mp4: no such video"),
        (["model.safetensors", "--camera", "photos/a.png"], "no window: there is no display"),
    ],
)
def test_bad_input(
    model: Path, photographs: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], text: str
) -> None:
    monkeypatch.chdir(photographs.parent)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    os.link(model, "model.safetensors")
    write_cam_like(Path("cam.safetensors"))
    Path("cut.safetensors").write_bytes(model.read_bytes()[:1000])
    result = CliRunner().invoke(app, ["predict", *arguments])
    assert isinstance(result.exception, ContaError)
    assert text in str(result.exception)
    assert not Path("out").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["m"],
        ["m", "p"],
        ["m", "-o", "out"],
        ["m", "p", "-o", "out", "--frames", "3"],
        ["m", "p", "--camera", "0", "-o", "out.mp4"],
        ["m", "--camera", "0", "--crf"],
    ],
)
def test_bad_usage(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, ["predict", *arguments]).exit_code == 2


def test_camera_from_a_video(model: Path, tmp_path: Path) -> None:
    writer = cv2.VideoWriter(
        str(tmp_path / "in.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (160, 120)
    )
    for number in range(8):
        writer.write(np.full((120, 160, 3), 30 * number, np.uint8))
    writer.release()
    environment = {k: v for k, v in os.environ.items() if "DISPLAY" not in k}
    environment["PYTHONPATH"] = str(REPOSITORY)
    code = "from conta_core.tools.cli.app import main; main()"
    command = [sys.executable, "-P", "-c", code, "predict", str(model), "--camera"]
    done = subprocess.run(
        [*command, str(tmp_path / "in.avi"), "-o", str(tmp_path / "out.mp4"), "--frames", "6"],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "no window: there is no display" in done.stdout
    assert "6 frames in " in done.stdout
    capture = cv2.VideoCapture(str(tmp_path / "out.mp4"))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 6
    assert capture.get(cv2.CAP_PROP_FPS) == 10
    (tmp_path / "broken.mp4").write_bytes(os.urandom(3000))
    done = subprocess.run(
        [*command, str(tmp_path / "broken.mp4"), "-o", str(tmp_path / "x.mp4")],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "cannot be read as a video" in " ".join(done.stderr.split())
    assert not (tmp_path / "x.mp4").exists()
