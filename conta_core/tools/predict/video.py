"""Frames of a camera or a video through a segmentation model, as they come."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from conta_core.errors import ContaError
from conta_core.images.drawing.label_colours import labels_over, outlined, share_entries
from conta_core.images.drawing.legends import legend_in_corner
from conta_core.runtime.threads import map_in_threads
from conta_core.tools.predict.labelling import strongest_labels
from conta_core.tools.predict.segmenter import Segmenter

# what FFmpeg says of a broken video is told by our error; read when the first video is opened
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

#: frames over which the rate is taken
RATE_OVER = 30
#: codecs by a video's ending
CODECS = {".mp4": "mp4v", ".avi": "MJPG"}
#: frames a second of a video from a camera that does not tell its own
USUAL_RATE = 25.0


@dataclass(frozen=True)
class Source:
    """An opened camera or video.

    Attributes:
        frames: each uint8 RGB (H, W, 3).
        rate: frames a second that it tells.
        live: whether it is a camera.
    """

    frames: Iterator[np.ndarray]
    rate: float
    live: bool


@contextmanager
def open_source(name: str) -> Iterator[Source]:
    """A camera by its number, or a video by its path.

    Raises:
        ContaError: it cannot be opened, or gives no frame.
    """
    live = name.isdecimal()
    if not live and not Path(name).is_file():
        raise ContaError(
            f"{name}: no such video; expected a file, or a camera's number (0, 1, ...)"
        )
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # errors are told below
    capture = cv2.VideoCapture(int(name)) if live else cv2.VideoCapture(name, cv2.CAP_FFMPEG)
    cv2.utils.logging.setLogLevel(level)
    try:
        first = _read(capture) if capture.isOpened() else None
        if first is None:
            raise ContaError(
                f"camera {name}: cannot be opened; check that it is there (/dev/video{name}), that "
                "no other program has it and that you may read it"
                if live
                else f"{name}: cannot be read as a video; expected a whole one that FFmpeg knows"
            )
        if live:
            capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the newest frame, not one that waited
        rate = float(capture.get(cv2.CAP_PROP_FPS))
        usable = np.isfinite(rate) and 1 <= rate <= 240
        yield Source(_frames(capture, first), rate if usable else USUAL_RATE, live)
    finally:
        capture.release()


def _frames(capture: cv2.VideoCapture, first: np.ndarray) -> Iterator[np.ndarray]:
    frame: np.ndarray | None = first
    while frame is not None:
        yield frame
        frame = _read(capture)


def _read(capture: cv2.VideoCapture) -> np.ndarray | None:
    there, frame = capture.read()
    return np.ascontiguousarray(frame[..., ::-1]) if there else None


@dataclass
class Shown:
    """What was shown of a video.

    Attributes:
        frames: how many.
        seconds: from the first frame's reading to the last one's showing.
    """

    frames: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Frames a second."""
        return self.frames / self.seconds if self.seconds else 0.0


def overlay_frame(segmenter: Segmenter, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A frame under the colours of its mask, and the mask.

    Args:
        segmenter: the model.
        frame: uint8 RGB (H, W, 3).

    Returns:
        uint8 RGB (H, W, 3) and the labels, uint8 (H, W).
    """
    labels = strongest_labels(segmenter.logits([frame])[0], (frame.shape[0], frame.shape[1]))
    return outlined(labels_over(frame, labels), labels), labels


def show_video(
    frames: Iterator[np.ndarray],
    segmenter: Segmenter,
    show: Callable[[np.ndarray], bool],
    *,
    workers: int,
    limit: int | None = None,
) -> Shown:
    """Predict frame after frame and hand each on, with the rate and the classes written on it.

    Ctrl-C ends it as the end of the video does.

    Args:
        frames: uint8 RGB (H, W, 3) each.
        segmenter: the model.
        show: takes a frame, uint8 RGB; False: enough.
        workers: frames that are computed at a time.
        limit: of frames; None: all.

    Returns:
        How many frames were shown, and how quickly.

    Raises:
        ContaError: frames too small for the network, or a video that cannot be written.
    """
    shown = Shown()
    start = time.monotonic()
    recent: deque[float] = deque([start], maxlen=RATE_OVER + 1)
    results = map_in_threads(
        lambda frame: overlay_frame(segmenter, frame), _up_to(frames, limit), workers, ahead=1
    )
    try:
        for picture, labels in results:
            now = time.monotonic()
            recent.append(now)
            rate = (len(recent) - 1) / max(now - recent[0], 1e-9)
            drawn = legend_in_corner(
                picture, f"{rate:.1f} frames/s", share_entries(labels, segmenter.class_names)
            )
            shown.frames += 1
            shown.seconds = now - start
            if not show(drawn):
                break
    except KeyboardInterrupt:
        pass  # the way to end a camera
    finally:
        results.close()
    return shown


def _up_to(frames: Iterator[np.ndarray], limit: int | None) -> Iterator[np.ndarray]:
    for number, frame in enumerate(frames, start=1):
        yield frame
        if number == limit:
            return


@contextmanager
def video_writer(
    path: str | os.PathLike[str], rate: float
) -> Iterator[Callable[[np.ndarray], None]]:
    """Write frames as a video, of the size of the first; it appears when the block ends.

    Args:
        path: ends in .mp4 or .avi.
        rate: frames a second.

    Yields:
        Takes a frame, uint8 RGB (H, W, 3).

    Raises:
        ContaError: another ending, or a place or size that cannot be written.
    """
    final = Path(path)
    if final.suffix.lower() not in CODECS:
        raise ContaError(f"{path}: a video of ours ends in {' or '.join(CODECS)}; name it so")
    writer: cv2.VideoWriter | None = None
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        folder = TemporaryDirectory(dir=final.parent, prefix=f".{final.name}.tmp-")
    except OSError as error:
        raise ContaError(
            f"{path}: cannot be written ({error.strerror}); name another place"
        ) from None
    with folder as temporary:
        unfinished = Path(temporary, final.name)

        def write(frame: np.ndarray) -> None:
            nonlocal writer
            if writer is None:
                code = cv2.VideoWriter.fourcc(*CODECS[final.suffix.lower()])
                size = (frame.shape[1], frame.shape[0])
                writer = cv2.VideoWriter(str(unfinished), code, rate, size)
                if not writer.isOpened():
                    raise ContaError(
                        f"{path}: OpenCV cannot write a video of {size[0]} x {size[1]} pixels "
                        "there; try the other ending, .avi or .mp4"
                    )
            writer.write(np.ascontiguousarray(frame[..., ::-1]))

        try:
            yield write
        finally:
            if writer is not None:
                writer.release()
        if unfinished.is_file():
            unfinished.replace(final)
