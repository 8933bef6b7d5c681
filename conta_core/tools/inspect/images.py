"""The images of a file: one by one as they are found, by name, by class."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from conta_core.errors import ContaError
from conta_core.evaluation.store_kinds.images import Images, fitting
from conta_core.evaluation.store_kinds.kind import ImageKind
from conta_core.runtime.nearest import did_you_mean

if TYPE_CHECKING:
    from conta_core.data.manifest import Manifest

#: whether an image is wanted, by its id; every id is true
Wanted = Callable[[str], bool]


class ImageLine(NamedTuple):
    """One image in a list.

    Attributes:
        id: of the image.
        height: in pixels.
        width: in pixels.
        classes: of its tags, or those predicted in it; None where the file does not say.
    """

    id: str
    height: int
    width: int
    classes: list[str] | None


class Listed(Protocol):
    """What has images; :class:`KindImages`, :class:`ManifestImages`."""

    @property
    def where(self) -> Path:
        """The file."""

    @property
    def class_names(self) -> Sequence[str]:
        """Foreground class names."""

    @property
    def has_classes(self) -> bool:
        """Whether it says of each image which classes it has."""

    def ids(self, wanted: Wanted) -> Iterator[str]:
        """Image ids that are wanted, as they are found."""

    def line(self, image_id: str) -> ImageLine:
        """Size and classes of an image."""


class KindImages:
    """The images of a store or of a folder of masks, with the classes that its kind tells."""

    def __init__(self, images: Images) -> None:
        self.where, self.class_names = images.where, images.classes
        self.has_classes = isinstance(images.kind, ImageKind) and images.kind.tells_classes
        self._images = images

    def ids(self, wanted: Wanted = bool) -> Iterator[str]:
        """Image ids that are wanted, as they are found."""
        return self._images.ids(wanted)

    def line(self, image_id: str) -> ImageLine:
        """Size and classes of an image."""
        image, kind = self._images.image(image_id), self._images.kind
        with fitting(self.where, image):
            classes = kind.classes(image) if isinstance(kind, ImageKind) else None
        return ImageLine(image_id, *image.size, classes)


class ManifestImages:
    """The images of a manifest, with their tags."""

    has_classes = True

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.where, self.class_names = path, manifest.classes
        self._manifest = manifest

    def ids(self, wanted: Wanted = bool) -> Iterator[str]:
        """Image ids that are wanted, in order."""
        return filter(wanted, self._manifest.images)

    def line(self, image_id: str) -> ImageLine:
        """Size and tags of an image."""
        record = self._manifest.images[image_id]
        return ImageLine(image_id, *record.size, list(record.tags))


def find_images(
    images: Listed, *, match: str | None = None, class_: str | None = None, skip: int = 0
) -> Iterator[ImageLine]:
    """The images that fit, one by one as they are found.

    Args:
        images: of a file.
        match: pattern of the id with ``*``, ``?`` and ``[...]``; None: any.
        class_: a class name that the image must have; None: any.
        skip: leave out so many of those that fit; nothing of them is read that need not be.

    Raises:
        ContaError: the class is not there, or the file says no classes of its images.
    """
    if class_ is not None:
        _require_class(images, class_)
    for image_id in images.ids(lambda name: match is None or fnmatchcase(name, match)):
        if class_ is None and skip:
            skip -= 1
            continue
        line = images.line(image_id)
        if class_ is not None and class_ not in (line.classes or ()):
            continue
        if skip:
            skip -= 1
            continue
        yield line


def require_image(where: object, image_id: str | None, known: Iterable[str], note: str = "") -> str:
    """The image id, if it is known.

    Args:
        where: what has the images.
        image_id: what was asked for; None: nothing was.
        known: image ids that there are.
        note: why one might be missing.

    Raises:
        ContaError: it is not; the message has the nearest.
    """
    ids = list(known)
    some = ", ".join(ids[:3]) + (", ..." if len(ids) > 3 else "")
    if image_id is None:
        raise ContaError(f"{where}: holds {len(ids)} images; name one: {some}")
    if not ids:
        raise ContaError(f"{where}: has no image {image_id!r}: it holds none; leave the id out")
    if image_id not in ids:
        mend = did_you_mean(image_id, ids, f"it has {some}")
        raise ContaError(
            f"{where}: has no image {image_id[:80]!r} among its {len(ids)}{note}{mend}"
        )
    return image_id


def _require_class(images: Listed, name: str) -> None:
    if not images.has_classes:
        raise ContaError(
            f"{images.where}: does not say which classes an image has; ask the round's cams.h5, "
            "train_masks.h5 or logits.h5"
        )
    if name not in images.class_names:
        mend = did_you_mean(name, images.class_names, f"it has {', '.join(images.class_names)}")
        raise ContaError(f"{images.where}: has no class {name!r}{mend}")
