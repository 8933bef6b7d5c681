"""What a training says of itself: a line an epoch in the log, TensorBoard's curves and pictures."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from conta_core.runtime.progress import LOG_ONLY
from conta_core.training import processes

LOGGER = logging.getLogger(__name__)
#: steps that the moving average of the loss spans (deeplab-pytorch)
SPAN = 20
#: seconds between two epochs' lines on the terminal; the log file has every epoch's
TERMINAL_INTERVAL = 10.0


class TrainingLog:
    """Losses, learning rates and pictures of a training.

    Args:
        what: names the training in the log.
        folder: of TensorBoard's files; None: none are written.
    """

    def __init__(self, what: str, folder: str | None) -> None:
        self._what = what
        self._folder = folder if processes.is_first() else None
        self._recent: deque[float] = deque(maxlen=SPAN)
        self._epoch, self._losses = 0, list[float]()
        self._events: Any = None
        self._shown = time.monotonic()

    def step(self, step: int, epoch: int, loss: float, rates: Sequence[float]) -> None:
        """Note a step's loss and the learning rates of the groups."""
        if epoch != self._epoch:
            self._say_epoch(last=False)
            self._epoch, self._losses = epoch, []
        self._losses.append(loss)
        self._recent.append(loss)
        curves = {"loss": sum(self._recent) / len(self._recent)}
        curves |= {f"learning rate/group {number}": rate for number, rate in enumerate(rates)}
        self._write(step, curves)

    def pictures(self, step: int, pictures: Mapping[str, np.ndarray]) -> None:
        """Show pictures, uint8 (h, w, 3) by name, beside the curves."""
        if self._folder is None:
            return
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = []
        for name, picture in pictures.items():
            content = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()
            height, width = picture.shape[:2]
            image = Summary.Image(
                height=height, width=width, colorspace=3, encoded_image_string=content
            )
            values.append(Summary.Value(tag=name, image=image))
        self._add(step, values)

    def end(self) -> None:
        """The last epoch's line; the curves are closed."""
        self._say_epoch(last=True)
        if self._events is not None:
            self._events.close()

    def state(self) -> dict[str, Any]:
        """Plain values from which :meth:`restore` goes on."""
        return {"epoch": self._epoch, "losses": self._losses, "recent": list(self._recent)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where :meth:`state` was taken."""
        self._epoch, self._losses = state["epoch"], list(state["losses"])
        self._recent.extend(state["recent"])

    def _say_epoch(self, last: bool) -> None:
        mean = sum(self._losses) / max(1, len(self._losses))
        shown = last or time.monotonic() - self._shown >= TERMINAL_INTERVAL
        if shown:
            self._shown = time.monotonic()
        text = f"{self._what}: epoch {self._epoch + 1}: loss {mean:.4f}"
        LOGGER.info("%s", text, extra=None if shown else LOG_ONLY)

    def _write(self, step: int, curves: Mapping[str, float]) -> None:
        if self._folder is None:
            return
        from tensorboard.compat.proto.summary_pb2 import Summary

        if self._events is None:
            self._events = _open_events(Path(self._folder), step)
        self._add(
            step, [Summary.Value(tag=name, simple_value=value) for name, value in curves.items()]
        )

    def _add(self, step: int, values: Sequence[Any]) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        summary = Summary(value=values)
        self._events.add_event(Event(wall_time=time.time(), step=step, summary=summary))


def _open_events(folder: Path, step: int) -> Any:
    """A writer: at step 0 in place of what an earlier training left, else going on from it."""
    from tensorboard.compat.proto.event_pb2 import Event, SessionLog
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    folder.mkdir(parents=True, exist_ok=True)
    if step == 0:
        for old in folder.glob("events.out.tfevents.*"):
            old.unlink()
    events = EventFileWriter(str(folder))
    # what was written after this step, by a training that was then stopped, is void
    start = SessionLog(status=SessionLog.START)
    events.add_event(Event(wall_time=time.time(), step=step, session_log=start))
    return events
