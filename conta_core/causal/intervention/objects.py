"""The objects that masks hold, by class, and which of them to trust."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from conta_core.causal.intervention.area_filter import Verdict, judge
from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError

LOGGER = logging.getLogger(__name__)


class ObjectBank:
    """Which image holds which object, judged by areas (:mod:`.area_filter`) and :mod:`.ownership`.

    An object is all that a mask gives to one of its image's tags; its area is its share of
    the image.

    Args:
        manifest: of the data set.
        ids: training images.
        read_mask: image id -> uint8 (H, W), 0 background, i + 1 class i.
        area_filter: least and greatest area over the usual one; None: every object that is there
            is trusted.
        taken: image id -> class indices whose object is another tag's: never trusted, and
            since their own may stand elsewhere, missed.

    Attributes:
        trusted: class index -> images whose object of this class is trusted.
        missed: image id -> class indices of its tags without a trusted or larger object.
        swallowed: images with an object that has swallowed its context.

    Raises:
        ContaError: no object is trusted.
    """

    def __init__(
        self,
        manifest: Manifest,
        ids: Sequence[str],
        read_mask: Callable[[str], np.ndarray],
        area_filter: tuple[float, float] | None,
        taken: Mapping[str, Collection[int]],
    ) -> None:
        areas = {i: _areas(read_mask(i), manifest.tag_indices(i)) for i in ids}
        self.trusted: dict[int, list[str]] = {}
        self.missed: dict[str, list[int]] = {}
        self.swallowed: set[str] = set()
        of_others = 0
        for image_id, index, verdict in judge(areas, len(manifest.classes), area_filter):
            another = verdict is Verdict.TRUSTED and index in taken.get(image_id, ())
            of_others += another
            if verdict is Verdict.MISSED or another:
                self.missed.setdefault(image_id, []).append(index)
            elif verdict is Verdict.SWALLOWED:
                self.swallowed.add(image_id)
            else:
                self.trusted.setdefault(index, []).append(image_id)
        self._report(manifest, areas, of_others)

    def _report(
        self, manifest: Manifest, areas: dict[str, dict[int, float]], of_others: int
    ) -> None:
        if not self.trusted:
            raise ContaError(
                f"the masks of {len(areas)} training images hold no object to recombine; look at "
                "the pseudo-masks, or lower pseudo_masks.background_threshold"
            )
        without = [n for i, n in enumerate(manifest.classes) if i not in self.trusted]
        if without:
            LOGGER.warning("no trusted object of %s: never pasted", ", ".join(without))
        LOGGER.info(
            "objects: %d trusted, %d missed, %d of them another tag's; %d images whose object "
            "swallowed its context",
            sum(map(len, self.trusted.values())),
            sum(map(len, self.missed.values())),
            of_others,
            len(self.swallowed),
        )


def _areas(mask: np.ndarray, tags: np.ndarray) -> dict[int, float]:
    """Class index -> share of the image, for the tags."""
    pixels = np.bincount(mask.ravel(), minlength=256)
    return {int(index): float(pixels[index + 1]) / mask.size for index in tags}
