"""Augmented views: one resize, flip and crop, the same for an image and all that lies on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset

from conta_core.causal.intervention.recombination import Intervened
from conta_core.data.manifest import Manifest
from conta_core.images.masks import IGNORE
from conta_core.runtime.seeding import numpy_generator
from conta_core.settings import TrainingSettings

#: a context crop is kept at the crop's size over this
CONTEXT_STRIDE = 8


@dataclass(frozen=True)
class View:
    """Where a square crop lies in a resized and perhaps flipped image.

    Attributes:
        height: of the resized image, pixels.
        width: of the resized image, pixels.
        flip: whether it is flipped left to right, before the crop.
        top: first row of the crop; negative where the image is smaller and padded.
        left: first column of the crop.
        crop: side of the crop, pixels.
    """

    height: int
    width: int
    flip: bool
    top: int
    left: int
    crop: int

    def apply(
        self, array: np.ndarray, interpolation: int, fill: float | tuple[int, ...]
    ) -> np.ndarray:
        """Resize, flip and crop an array (h, w) or (h, w, c) of any resolution.

        Args:
            array: lies over the whole image.
            interpolation: of cv2.
            fill: value outside the image, or one a channel.

        Returns:
            (crop, crop) or (crop, crop, c), the array's dtype.
        """
        resized = cv2.resize(array, (self.width, self.height), interpolation=interpolation)
        if self.flip:
            resized = resized[:, ::-1]
        canvas = np.full((self.crop, self.crop, *array.shape[2:]), fill, dtype=array.dtype)
        y0, x0 = max(0, -self.top), max(0, -self.left)
        part = resized[max(0, self.top) :, max(0, self.left) :][: self.crop - y0, : self.crop - x0]
        canvas[y0 : y0 + part.shape[0], x0 : x0 + part.shape[1]] = part
        return canvas


def draw_view(
    generator: np.random.Generator, size: tuple[int, int], settings: TrainingSettings
) -> View:
    """Draw a view: a size, a fair flip, a crop anywhere inside.

    Args:
        generator: always draws four numbers, whatever the sizes.
        size: height and width of the image, pixels.
        settings: ``resize``, ``resize_by``, ``resize_steps`` and ``crop``.
    """
    draw = generator.random(4)
    drawn = _draw_size(float(draw[0]), settings)
    base = max(size) if settings.resize_by == "long_side" else 1
    height, width = (max(1, round(side * drawn / base)) for side in size)
    crop = settings.crop
    top, left = (_start(side, crop, u) for side, u in ((height, draw[1]), (width, draw[2])))
    return View(height, width, bool(draw[3] < 0.5), top, left, crop)


def _draw_size(draw: float, settings: TrainingSettings) -> float:
    """The long side in whole pixels, or the factor."""
    least, greatest = settings.resize
    if settings.resize_steps is not None:
        step = int(draw * settings.resize_steps) / (settings.resize_steps - 1)
        return least + step * (greatest - least)
    if settings.resize_by == "long_side":
        return least + int(draw * (greatest - least + 1))
    return least + draw * (greatest - least)


def _start(side: int, crop: int, draw: float) -> int:
    room = side - crop
    return int(draw * (room + 1)) if room >= 0 else -int(draw * (-room + 1))


class ViewedImages(Dataset[dict[str, torch.Tensor]]):
    """Images under numbered views, with their tags and what lies on them.

    Args:
        manifest: of the data set.
        ids: images, by index.
        settings: sizes of the views.
        seed: parts of the seed (seed, round, stage).
        fill: RGB outside the image, what the network reads as 0.
        labels: image id -> uint8 (H, W); None: no labels.
        context: image id -> float32 (channels, h, w); None: no context.
        query: image id -> float32 (h, w), which no view changes; None: none.
        intervene: image id and number of the view -> the image that is seen in its place, or
            None where it is left as it is; None: no intervention.
        weights: image id -> float32 (n,), what the loss of each class counts in a view that is
            left as it is; None: 1.
        recolour: image uint8 (H, W, 3) and a generator of its own -> the image in other colours;
            None: colours stay.
    """

    def __init__(
        self,
        manifest: Manifest,
        ids: Sequence[str],
        *,
        settings: TrainingSettings,
        seed: tuple[int | str, ...],
        fill: tuple[int, ...],
        labels: Callable[[str], np.ndarray] | None = None,
        context: Callable[[str], np.ndarray] | None = None,
        query: Callable[[str], np.ndarray] | None = None,
        intervene: Callable[[str, int], Intervened | None] | None = None,
        weights: Callable[[str], np.ndarray] | None = None,
        recolour: Callable[[np.ndarray, np.random.Generator], np.ndarray] | None = None,
    ) -> None:
        self.manifest = manifest
        self.ids = list(ids)
        self._settings = settings
        self._seed = seed
        self._fill = fill
        self._labels = labels
        self._context = context
        self._query = query
        self._intervene = intervene
        self._weights = weights
        self._recolour = recolour

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, key: tuple[int, int]) -> dict[str, torch.Tensor]:
        """The image of an index under the view of a number.

        Returns:
            ``image`` uint8 (3, crop, crop), ``tags`` float32 (n,), and where asked
            ``labels`` uint8 (crop, crop), ``context`` float32 (channels, crop/8, crop/8) and
            ``query`` float32 (h, w);
            with an intervention ``counted`` float32 (n,), what the class's loss counts, 0 where
            nothing is known of it.
        """
        index, number = key
        image_id = self.ids[index]
        generator = numpy_generator(*self._seed, image_id, number)
        size = self.manifest.images[image_id].size
        view = draw_view(generator, size, self._settings)
        instead = self._intervene(image_id, number) if self._intervene is not None else None
        if self._recolour is None:
            return self._under(image_id, view, instead)
        colours = numpy_generator(*self._seed, "colours", image_id, number)
        return self._under(image_id, view, instead, colours)

    def whole(self, index: int) -> tuple[dict[str, torch.Tensor], tuple[int, int]]:
        """The image of an index, whole, with its long side as long as a crop; draws nothing.

        Returns:
            As :meth:`__getitem__`, and the height and width that the image has in it, at the
            top left.
        """
        image_id, crop = self.ids[index], self._settings.crop
        size = self.manifest.images[image_id].size
        height, width = (max(1, round(side * crop / max(size))) for side in size)
        return self._under(image_id, View(height, width, False, 0, 0, crop)), (height, width)

    def tagged(self, count: int) -> list[int]:
        """Indices of up to so many images, evenly spaced over those that have a tag."""
        all_tagged = [i for i, name in enumerate(self.ids) if self.manifest.images[name].tags]
        step = max(1, len(all_tagged) // count)
        return all_tagged[::step][:count]

    def _counted(self, image_id: str, instead: Intervened | None) -> np.ndarray:
        """What each class's loss counts, float32 (n,)."""
        if instead is not None:
            return instead.counted
        if self._weights is not None:
            return self._weights(image_id)
        return np.ones(len(self.manifest.classes), dtype=np.float32)

    def _under(
        self,
        image_id: str,
        view: View,
        instead: Intervened | None = None,
        colours: np.random.Generator | None = None,
    ) -> dict[str, torch.Tensor]:
        """The image, or what is seen instead, and all that lies on it, under a view."""
        record = self.manifest.images[image_id]
        source = instead.image if instead else record.read_image()
        tags = instead.tags if instead else self.manifest.tag_vector(image_id)
        if self._recolour is not None and colours is not None:
            source = self._recolour(source, colours)
        image = view.apply(source, cv2.INTER_LINEAR, self._fill)
        sample = {
            "image": torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))),
            "tags": torch.from_numpy(tags),
        }
        if self._intervene is not None:
            sample["counted"] = torch.from_numpy(self._counted(image_id, instead))
        if self._labels is not None:
            lying = instead.labels if instead else self._labels(image_id)
            labels = view.apply(lying, cv2.INTER_NEAREST, IGNORE)
            sample["labels"] = torch.from_numpy(labels)
        if self._context is not None:
            side = max(1, self._settings.crop // CONTEXT_STRIDE)
            seen = (view.apply(m, cv2.INTER_LINEAR, 0.0) for m in self._context(image_id))
            small = [cv2.resize(m, (side, side), interpolation=cv2.INTER_AREA) for m in seen]
            sample["context"] = torch.from_numpy(np.stack(small))
        if self._query is not None:
            sample["query"] = torch.from_numpy(self._query(image_id))
        return sample
