"""``conta predict --camera``: live in a window, or into a video where there is none."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import typer
from rich.console import Console

from conta_core.errors import ContaError
from conta_core.runtime.threads import available_cores
from conta_core.tools.predict.segmenter import Segmenter
from conta_core.tools.predict.video import open_source, show_video, video_writer
from conta_core.tools.predict.window import Window, window_missing


def predict_camera(
    model: Path,
    camera: str,
    output: Path | None,
    frames: int | None,
    long_side: int,
    workers: int | None,
    as_json: bool,
) -> None:
    """Show and write what a model makes of a camera or video, until it ends, q or Ctrl-C.

    Args:
        model: path of the segmentation model.
        camera: a camera's number, or a video's path.
        output: of the video to write; None: none, only where there is a window.
        frames: to end after; None: no end.
        long_side: of the network's input, pixels; 0: as the frames are.
        workers: frames at a time; None: one a core.
        as_json: print JSON, not words.

    Raises:
        ContaError: a model, camera, video or place that cannot be used, or neither a window nor
            a video to write.
    """
    missing = window_missing()
    if missing and output is None:
        raise ContaError(f"no window: {missing}; name a video to write with -o out.mp4")
    console = Console(highlight=False, markup=False, soft_wrap=True)
    segmenter = Segmenter(model, long_side)
    with ExitStack() as stack:
        source = stack.enter_context(open_source(camera))
        takers = []
        if output is not None:
            takers.append(stack.enter_context(video_writer(output, source.rate)))
        window = None if missing else Window()
        if window is not None:
            stack.callback(window.close)
        if not as_json:
            where = f"no window: {missing}; " if missing else "in a window, q ends it; "
            into = f"into {output}; " if output else ""
            console.print(f"{where}{into}Ctrl-C ends it")

        def show(frame: np.ndarray) -> bool:
            for take in takers:
                take(frame)
            return window is None or window.show(frame)

        shown = show_video(
            source.frames, segmenter, show, workers=workers or available_cores(), limit=frames
        )
    if as_json:
        answer = {
            "model": str(model),
            "source": camera,
            "frames": shown.frames,
            "seconds": round(shown.seconds, 3),
            "frames_per_second": round(shown.rate, 2),
            "output": str(output) if output else None,
        }
        typer.echo(json.dumps(answer, indent=1))
        return
    count = "1 frame" if shown.frames == 1 else f"{shown.frames} frames"
    console.print(f"{count} in {shown.seconds:.1f} s, {shown.rate:.1f} a second")
    if output is not None and shown.frames:
        console.print(f"video in {output}")
