"""Many photographs through a segmentation model: read, computed and written side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np

from conta_core.errors import ContaError
from conta_core.runtime.memory import releasing
from conta_core.runtime.parallel import map_in_order
from conta_core.runtime.threads import available_cores, map_in_threads
from conta_core.tools.predict.areas import write_areas
from conta_core.tools.predict.photographs import Photograph, read_photograph, shown_size
from conta_core.tools.predict.results import Outcome, ResultFolder
from conta_core.tools.predict.segmenter import Segmenter, scale_down

#: batches among whose photographs those of one size are sought
WINDOW = 8


def default_batch_size(segmenter: Segmenter) -> int:
    """Photographs a forward pass: 8 on a GPU; 1 on the CPU, where more bring nothing."""
    return 8 if segmenter.on_gpu else 1


def default_workers(segmenter: Segmenter) -> int:
    """One a core; at most 4 on a GPU, whose memory their batches share."""
    cores = available_cores()
    return min(4, cores) if segmenter.on_gpu else cores


def predict_folder(
    segmenter: Segmenter,
    photographs: Sequence[Photograph],
    results: ResultFolder,
    *,
    batch_size: int,
    workers: int,
    done: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Write masks, overlays and areas.csv of photographs; those that fail are left out.

    Args:
        segmenter: the model.
        photographs: what to predict.
        results: where to.
        batch_size: photographs of one size a forward pass, at most.
        workers: threads that read, compute and write, and processes of the CRF.
        done: called with each outcome as it comes.

    Returns:
        One outcome a photograph, in the order of ``photographs``. When it is broken off,
        areas.csv has the photographs that were done.

    Raises:
        ContaError: a file cannot be written, or a worker process died.
    """
    outcomes: dict[str, Outcome] = {}
    try:
        for outcome in releasing(_outcomes(segmenter, photographs, results, batch_size, workers)):
            outcomes[outcome.photograph.name] = outcome
            done(outcome)
    finally:
        known = [outcomes[p.name] for p in photographs if p.name in outcomes]
        rows = ((str(o.photograph.path), o.pixels) for o in known if o.error is None)
        write_areas(results.path / "areas.csv", rows, results.names)
    return known


def _outcomes(
    segmenter: Segmenter,
    photographs: Sequence[Photograph],
    results: ResultFolder,
    batch_size: int,
    workers: int,
) -> Iterator[Outcome]:
    batches = plan_batches(photographs, segmenter, batch_size)
    if results.crf is None:
        written = map_in_threads(lambda b: _write_batch(segmenter, results, b), batches, workers)
        yield from chain.from_iterable(written)
        return
    computed = map_in_threads(lambda batch: _compute(segmenter, batch), batches, workers)
    tasks = (_Sharpening(results, segmenter.long_side, c) for c in chain.from_iterable(computed))
    # None first: the processes must be there before the first thread of these
    for outcome in map_in_order(_sharpen, chain([None], tasks), workers):
        if outcome is not None:
            yield outcome


def plan_batches(
    photographs: Iterable[Photograph], segmenter: Segmenter, batch_size: int
) -> Iterator[list[Photograph]]:
    """Bring photographs together that the network sees at one size, from the heads of their files.

    Args:
        photographs: in order.
        segmenter: knows the sizes.
        batch_size: the most of a batch.

    Yields:
        Batches; only photographs near each other in the order come together.
    """
    if batch_size == 1:
        yield from ([photograph] for photograph in photographs)
        return
    remaining = iter(photographs)
    while window := list(islice(remaining, WINDOW * batch_size)):
        by_size: dict[tuple[int, int] | None, list[Photograph]] = {}
        for photograph in window:
            size = shown_size(photograph.path)
            seen = None if size is None else segmenter.input_size(size)
            by_size.setdefault(seen, []).append(photograph)
        for same in by_size.values():
            yield from (same[i : i + batch_size] for i in range(0, len(same), batch_size))


@dataclass(frozen=True)
class _Computed:
    """A photograph with its logits, or with why it has none."""

    photograph: Photograph
    image: np.ndarray | None = None
    logits: np.ndarray | None = None
    error: str | None = None


def _compute(
    segmenter: Segmenter, batch: Sequence[Photograph], keep_image: bool = False
) -> list[_Computed]:
    """Read a batch and run the network on what could be read, size by size."""
    failed: list[_Computed] = []
    by_size: dict[tuple[int, int], list[tuple[Photograph, np.ndarray]]] = {}
    for photograph in batch:
        try:
            image = read_photograph(photograph.path)
            seen = segmenter.input_size((image.shape[0], image.shape[1]))
            segmenter.require_size(str(photograph.path), seen)
            by_size.setdefault(seen, []).append((photograph, image))
        except ContaError as error:
            failed.append(_Computed(photograph, error=str(error)))
    made: list[_Computed] = []
    for seen, same in by_size.items():
        try:
            logits = segmenter.logits([image for _, image in same])
        except (RuntimeError, MemoryError) as error:  # of torch, most likely for want of memory
            reason = str(error).partition("\n")[0]
            failed += [
                _Computed(
                    p,
                    error=f"{p.path}: the network failed on {seen[1]} x {seen[0]} pixels "
                    f"({reason}); try a smaller --long-side or --batch-size",
                )
                for p, _ in same
            ]
            continue
        made += [
            _Computed(p, image if keep_image else None, one)
            for (p, image), one in zip(same, logits, strict=True)
        ]
    return made + failed


def _write_batch(
    segmenter: Segmenter, results: ResultFolder, batch: Sequence[Photograph]
) -> list[Outcome]:
    outcomes = []
    for computed in _compute(segmenter, batch, keep_image=True):
        if computed.image is None or computed.logits is None:
            outcomes.append(Outcome(computed.photograph, error=computed.error))
        else:
            image = computed.image
            outcomes.append(results.write(computed.photograph, image, image, computed.logits))
    return outcomes


@dataclass(frozen=True)
class _Sharpening:
    """The work of a CRF process; it reads the photograph again, which is little beside the CRF."""

    results: ResultFolder
    long_side: int
    computed: _Computed


def _sharpen(task: _Sharpening | None) -> Outcome | None:
    if task is None:
        return None
    computed = task.computed
    if computed.logits is None:
        return Outcome(computed.photograph, error=computed.error)
    try:
        image = read_photograph(computed.photograph.path)
    except ContaError as error:
        return Outcome(computed.photograph, error=str(error))
    seen = scale_down(image, task.long_side)
    return task.results.write(computed.photograph, image, seen, computed.logits)
