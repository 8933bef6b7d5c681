"""A stage that goes image by image, done as the workflow does it: in parts, then gathered."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conta_core.stages.image_by_image import PartOutput
from conta_core.storage.stores.gathering import gather_store
from conta_core.storage.stores.parts import Part


def make_store(
    stage: Callable[..., None],
    output: str | Path,
    *,
    run: str,
    round_index: int,
    parts: int = 1,
    **arguments: Any,
) -> None:
    """Call the stage once a part, and gather the store at ``output``."""
    folder = Path(output).with_suffix(".parts")
    paths = [str(folder / f"{number}-of-{parts}") for number in range(1, parts + 1)]
    for number, path in enumerate(paths, start=1):
        stage(output=PartOutput(path, Part(number, parts), run, round_index), **arguments)
    gather_store(parts=paths, output=str(output))
    shutil.rmtree(folder)
