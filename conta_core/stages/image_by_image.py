"""What the stages that make a store image by image share: one job makes one part of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from conta_core.data.manifest import Manifest
from conta_core.runtime.memory import releasing
from conta_core.runtime.progress import track
from conta_core.storage.stores.kinds import StoreHeader
from conta_core.storage.stores.parts import Part, write_part
from conta_core.workflow.resume_key import resume_key

LOGGER = logging.getLogger(__name__)
#: the arrays of one image, by name
Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class PartOutput:
    """The part of a store that a job writes.

    Attributes:
        path: of the finished part.
        part: which part.
        run: name of the run.
        round_index: the round.
    """

    path: str
    part: Part
    run: str
    round_index: int


def part_output(path: str, wildcards: Any) -> PartOutput:
    """From the workflow's wildcards ``run``, ``round``, ``part`` (from 1) and ``parts``."""
    part = Part(int(wildcards.part), int(wildcards.parts))
    return PartOutput(path, part, wildcards.run, int(wildcards.round))


def make_part(
    make: Callable[[Sequence[str]], Iterable[Arrays]],
    *,
    output: PartOutput,
    kind: str,
    data: Manifest,
    ids: Sequence[str],
    settings: dict[str, Any],
    stage: Callable[..., None],
    inputs: Sequence[str | None],
    what: str,
) -> None:
    """Make the images of a part that an earlier, killed job of the same work did not.

    Args:
        make: gives the arrays of images, one after the other.
        output: the part.
        kind: of the store.
        data: the manifest.
        ids: images of the whole store, in its order.
        settings: what the stage was told, plain values.
        stage: the function of the stage.
        inputs: paths of what the images are made from.
        what: names the work in the log.
    """
    store = StoreHeader(kind, list(data.classes), output.run, output.round_index, settings)
    key = resume_key(stage, inputs, settings=settings)
    with write_part(output.path, ids, output.part, store, key) as writer:
        total = writer.done + len(writer.missing)
        made = zip(writer.missing, make(writer.missing), strict=True)
        for image_id, arrays in releasing(track(made, total, what, LOGGER, before=writer.done)):
            writer.write(image_id, arrays, data.images[image_id].size)
