from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from conta_core.errors import ContaError
from conta_core.tools.predict import window
from conta_core.tools.predict.segmenter import Segmenter
from conta_core.tools.predict.video import open_source, overlay_frame, show_video, video_writer

COUNT, SIZE = 12, (160, 240)


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disc that wanders to the right."""
    path = tmp_path_factory.mktemp("video") / "in.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, SIZE[::-1])
    for number in range(COUNT):
        frame = np.full((*SIZE, 3), (60, 160, 90), np.uint8)
        cv2.circle(frame, (20 + 15 * number, 120), 20, (30, 30, 220), -1)
        writer.write(frame)
    writer.release()
    return path


def frames_of(path: Path) -> list[np.ndarray]:
    with open_source(str(path)) as source:
        return list(source.frames)


def test_every_frame_in_order_with_its_mask(model: Path, video: Path, tmp_path: Path) -> None:
    segmenter = Segmenter(model)
    seen: list[np.ndarray] = []

    def take(frame: np.ndarray) -> bool:
        seen.append(frame)
        return True

    with open_source(str(video)) as source:
        assert source.rate == 10
        assert not source.live
        shown = show_video(source.frames, segmenter, take, workers=2)
    assert shown.frames == len(seen) == COUNT
    assert shown.rate == pytest.approx(COUNT / shown.seconds)
    for frame, drawn in zip(frames_of(video), seen, strict=True):
        picture, _ = overlay_frame(segmenter, frame)
        assert drawn.shape == (*SIZE, 3)
        np.testing.assert_array_equal(drawn[-5:, -5:], picture[-5:, -5:])  # no writing there
    assert (seen[0][:24, :60] != frames_of(video)[0][:24, :60]).any()  # the rate is


@pytest.mark.parametrize("ending", [".mp4", ".avi"])
def test_a_video_is_written(video: Path, tmp_path: Path, ending: str) -> None:
    frames = frames_of(video)
    path = tmp_path / "new" / f"out{ending}"
    with video_writer(path, 10) as write:
        for frame in frames:
            write(frame)
        assert not path.exists()
    found = frames_of(path)
    assert len(found) == COUNT
    assert np.abs(found[3].astype(int) - frames[3]).mean() < 8
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_ends_at_the_limit_on_no_and_on_ctrl_c(model: Path, video: Path) -> None:
    segmenter = Segmenter(model)

    def shown(show: Callable[[np.ndarray], bool], limit: int | None = None) -> int:
        with open_source(str(video)) as source:
            return show_video(source.frames, segmenter, show, workers=2, limit=limit).frames

    def interrupt(frame: np.ndarray) -> bool:
        raise KeyboardInterrupt

    assert shown(lambda frame: True, limit=5) == 5
    assert shown(lambda frame: False) == 1
    assert shown(interrupt) == 1


def test_what_cannot_be_opened_or_written(video: Path, tmp_path: Path) -> None:
    def opened(name: str) -> None:
        with open_source(name):
            pytest.fail("opened")

    with pytest.raises(ContaError, match=r"no such video"):
        opened(str(tmp_path / "none.mp4"))
    with pytest.raises(ContaError, match=r"camera 99: cannot be opened"):
        opened("99")
    (tmp_path / "broken.avi").write_bytes(video.read_bytes()[:3000])
    with pytest.raises(ContaError, match=r"broken\.avi: cannot be read as a video"):
        opened(str(tmp_path / "broken.avi"))
    with pytest.raises(ContaError, match=r"ends in \.mp4 or \.avi"), video_writer("a.gif", 1):
        pass


def test_a_window_needs_a_display_and_an_opencv_with_windows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert "no display" in str(window.window_missing())
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(cv2, "getBuildInformation", lambda: "  GUI:                NONE\n")
    assert "opencv-python-headless" in str(window.window_missing())
    monkeypatch.setattr(cv2, "getBuildInformation", lambda: "  GUI:                QT5\n")
    assert window.window_missing() is None
