"""The images of a store or of a folder of masks, one by one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path

from conta_core.errors import ContaError
from conta_core.evaluation.store_kinds.kind import StoredImage, StoreKind
from conta_core.evaluation.store_kinds.registry import KINDS
from conta_core.images.masks import read_label_png
from conta_core.storage.stores.header import MEND, read_store_attributes, store_kind
from conta_core.storage.stores.reader import StoreReader

#: of the files of a folder of masks
ENDING = ".png"


class StoreImages:
    """The images of a store.

    Attributes:
        where: the store's path.
        about: what the store says of itself, in words.
        kind: of the store.
        classes: foreground class names.
        store: the store.
    """

    def __init__(self, store: StoreReader) -> None:
        self.store, self.where, self.classes = store, store.path, store.classes
        self.kind: StoreKind = KINDS[store.kind]
        self.about = f"{store.kind} of run {store.run}, round {store.round}"

    def ids(self, wanted: Callable[[str], bool] = bool) -> Iterator[str]:
        """Image ids that are wanted, as they are found."""
        return self.store.each_image_id(wanted)

    def image(self, image_id: str) -> StoredImage:
        """An image of the store.

        Raises:
            ContaError: it is not there.
        """
        read = cache(partial(self.store.read, image_id))
        has = partial(self.store.has, image_id)
        return StoredImage(image_id, self.store.size(image_id), self.classes, read, has)


class MaskImages:
    """The masks of a folder, ``<image id>.png``.

    Attributes:
        where: the folder.
        about: nothing: a folder says nothing of itself.
        kind: a store of labels.
        classes: foreground class names of the run's dataset.json; none where there is no such.
    """

    about = ""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.where = Path(folder)
        self.kind: StoreKind = KINDS["pseudo_masks"]
        self.classes = _classes_of_run(self.where)

    def ids(self, wanted: Callable[[str], bool] = bool) -> Iterator[str]:
        """Image ids that are wanted, in order."""
        names = (n for n in os.listdir(self.where) if n.endswith(ENDING) and not n.startswith("."))
        return filter(wanted, sorted(name.removesuffix(ENDING) for name in names))

    def image(self, image_id: str) -> StoredImage:
        """A mask of the folder.

        Raises:
            ContaError: it is not there, or unreadable.
        """
        labels = read_label_png(self.where / f"{image_id}{ENDING}")
        size = (labels.shape[0], labels.shape[1])
        return StoredImage(image_id, size, self.classes, lambda _: labels)


Images = StoreImages | MaskImages


@contextmanager
def open_images(
    path: str | os.PathLike[str],
    kind: str | None = None,
    image_ids: Sequence[str] = (),
    classes: Sequence[str] | None = None,
) -> Iterator[Images]:
    """A store or a folder of masks, open for reading.

    Args:
        path: of the store or folder.
        kind: of a store: a key of :data:`.registry.KINDS`; None: whichever it is.
        image_ids: of a store: images that must be there.
        classes: of a store: class names that it must have been made for; None: any.

    Raises:
        ContaError: no store, one that is not to be read, or of another kind.
    """
    if Path(path).is_dir():
        yield MaskImages(path)
        return
    kind = kind or store_kind(path, read_store_attributes(path))
    with StoreReader(path, kind, image_ids, classes) as store:
        yield StoreImages(store)


@contextmanager
def fitting(where: Path, image: StoredImage) -> Iterator[None]:
    """Raise ContaError where the arrays of an image that were read well do not fit it."""
    try:
        yield
    except (ValueError, IndexError, TypeError) as error:
        raise ContaError(
            f"{where}: the arrays of {image.id} do not fit an image of {image.size} and "
            f"{len(image.classes)} classes ({error}); {MEND}"
        ) from None


def _classes_of_run(folder: Path) -> tuple[str, ...]:
    """The classes of a round's masks, of the run's dataset.json."""
    # only here: a store must not wait for what reads the manifest
    from conta_core.data.manifest import Manifest

    path = folder.resolve().parent.parent / "dataset.json"
    return Manifest.load(path).classes if path.is_file() else ()
