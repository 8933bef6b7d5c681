"""Recombined and counterfactual training images (docs/method.md, "The intervention")."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from conta_core.causal.intervention.objects import ObjectBank
from conta_core.causal.intervention.pixels import CutOut, cut_out, fill, paste, resized
from conta_core.data.manifest import Manifest
from conta_core.images.masks import IGNORE
from conta_core.runtime.seeding import numpy_generator
from conta_core.settings import ContextSettings

#: objects that are set into one image, at most
MOST_OBJECTS = 3
#: an object of which less than this share can be seen says nothing of its class
VISIBLE = 0.5
#: opacity from which a pixel is the pasted object's, and from which it is no longer the context's
OBJECT, RIM = 0.5, 0.1


@dataclass(frozen=True)
class Intervened:
    """A training image that was intervened on.

    Attributes:
        image: uint8 (H, W, 3), of the size of the image it is made from.
        tags: float32 (n,), 1 where the class can be seen.
        counted: float32 (n,), 0 where nothing is known of the class, and its loss is left out.
        labels: uint8 (H, W), 0 background, i + 1 class i, 255 where an object was taken out, and
            on the rims of those that were set in.
    """

    image: np.ndarray
    tags: np.ndarray
    counted: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class _Placed:
    """An object of a class, and where it goes."""

    index: int
    cut: CutOut
    top: int
    left: int


class Intervention:
    """Decides for each view of a training image whether, and how, it is intervened on.

    Args:
        manifest: of the data set.
        ids: training images.
        read_mask: image id -> uint8 (H, W), 0 background, i + 1 class i.
        settings: of the context.
        recombined: share of views that become objects in another image's context.
        counterfactual: share of views that become their context without its objects.
        seed: parts of the seed (seed, round, stage); the draws are the intervention's alone.
        taken: image id -> class indices whose object is another tag's (:mod:`.ownership`).

    Raises:
        ContaError: the masks hold no object.
    """

    def __init__(
        self,
        manifest: Manifest,
        ids: Sequence[str],
        read_mask: Callable[[str], np.ndarray],
        settings: ContextSettings,
        *,
        recombined: float,
        counterfactual: float,
        seed: tuple[int | str, ...],
        taken: Mapping[str, Collection[int]],
    ) -> None:
        self._manifest, self._read_mask, self._seed = manifest, read_mask, seed
        self._recombined, self._counterfactual = recombined, counterfactual
        self._settings = settings.intervention
        self._bank = ObjectBank(manifest, ids, read_mask, self._settings.area_filter, taken)
        self._classes = sorted(self._bank.trusted)
        counts = [len(self._bank.trusted[index]) for index in self._classes]
        shares = counts if settings.prior == "empirical" else [1] * len(counts)
        self._prior = np.array(shares, dtype=np.float64) / sum(shares)

    def __call__(self, image_id: str, number: int) -> Intervened | None:
        """The image of an id under a view's number, or None where it is left as it is."""
        generator = numpy_generator(*self._seed, "intervention", image_id, number)
        drawn = float(generator.random())
        if drawn < self._recombined:
            return self._recombine(image_id, generator)
        if drawn < self._recombined + self._counterfactual:
            # none of an image whose object swallowed its context
            return None if image_id in self._bank.swallowed else self._emptied(image_id)
        return None

    def _recombine(self, image_id: str, generator: np.random.Generator) -> Intervened | None:
        """The image's context, with objects that the prior draws, or with its own again."""
        own = self._settings.backgrounds == "own"
        objects = self._own_objects(image_id) if own else self._drawn_objects(image_id, generator)
        if not objects:
            return None
        made = self._emptied(image_id)
        image = made.image
        seen: dict[int, tuple[np.ndarray, float]] = {}
        for one in objects:
            image, opacity = paste(image, one.cut, one.top, one.left)
            made.labels[opacity > RIM] = IGNORE
            made.labels[opacity > OBJECT] = one.index + 1
            for other, (before, whole) in seen.items():
                seen[other] = (before * (1 - opacity), whole)
            seen[one.index] = (opacity, float(one.cut.opacity.sum()))
        for index, (opacity, whole) in seen.items():
            made.tags[index] = 1.0
            made.counted[index] = float(opacity.sum() >= VISIBLE * whole)
        return replace(made, image=image)

    def _drawn_objects(self, image_id: str, generator: np.random.Generator) -> list[_Placed]:
        """As many objects as the image has tags, each of another class, from any image."""
        record = self._manifest.images[image_id]
        count = min(max(1, len(record.tags)), MOST_OBJECTS, len(self._classes))
        objects = []
        for drawn in generator.choice(len(self._classes), count, replace=False, p=self._prior):
            index = self._classes[drawn]
            giver = str(generator.choice(self._bank.trusted[index]))
            factor = max(record.size) / max(self._manifest.images[giver].size)
            flip = bool(generator.random() < 0.5)
            cut = resized(self._cut(giver, index), factor, flip)
            objects.append(_Placed(index, cut, *_anywhere(cut, record.size, generator)))
        return objects

    def _own_objects(self, image_id: str) -> list[_Placed]:
        """The image's own trusted objects, where they were."""
        objects = []
        for index in self._manifest.tag_indices(image_id).tolist():
            if image_id in self._bank.trusted.get(index, []):
                cut = self._cut(image_id, index)
                objects.append(_Placed(index, cut, *cut.origin))
        return objects

    def _emptied(self, image_id: str) -> Intervened:
        """The image without its objects; one that was missed may still be there."""
        hole = self._read_mask(image_id) != 0
        tags = np.zeros(len(self._manifest.classes), dtype=np.float32)
        counted = np.ones_like(tags)
        counted[self._bank.missed.get(image_id, [])] = 0.0
        labels = np.where(hole, np.uint8(IGNORE), np.uint8(0))
        return Intervened(fill(self._read(image_id), hole), tags, counted, labels)

    def _cut(self, image_id: str, index: int) -> CutOut:
        return cut_out(self._read(image_id), self._read_mask(image_id) == index + 1)

    def _read(self, image_id: str) -> np.ndarray:
        return self._manifest.images[image_id].read_image()


def _anywhere(
    cut: CutOut, size: tuple[int, int], generator: np.random.Generator
) -> tuple[int, int]:
    """Top and left of a cut-out inside an image, or of an image inside a larger cut-out."""
    room = [side - own for side, own in zip(size, cut.opacity.shape, strict=True)]
    top, left = (int(generator.integers(min(0, r), max(0, r) + 1)) for r in room)
    return top, left
