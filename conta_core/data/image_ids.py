"""Image ids: what an image is called in stores and file names, whatever its owner calls it."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from conta_core.errors import ContaError

#: a file name holds 255 bytes; an ending and a temporary name need some
MAX_ID_LENGTH = 200
#: Linux takes 4,096 bytes, those of the folder among them
MAX_NAME_LENGTH = 1000
IMAGE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
#: of a name that cannot be an id, how much stays readable in its id
_READABLE = 60


def is_image_id(text: str) -> bool:
    """Whether a text can stand in a file name and in a store as it is."""
    fits = IMAGE_ID.fullmatch(text) is not None and ".." not in text
    return fits and len(text) <= MAX_ID_LENGTH


def check_image_id(image_id: str, where: str) -> str:
    """Return the id if it can stand in a file name and in a store, else raise ContaError."""
    if not IMAGE_ID.fullmatch(image_id) or ".." in image_id:
        raise ContaError(
            f"{where}: image id {image_id[:MAX_ID_LENGTH]!r} holds a path or other characters than "
            "letters, digits, '.', '_' and '-'; rename the image"
        )
    if len(image_id) > MAX_ID_LENGTH:
        raise ContaError(
            f"{where}: image id {image_id[:40]}... has {len(image_id)} characters, expected at "
            f"most {MAX_ID_LENGTH}; rename the image"
        )
    return image_id


def image_id_of(name: str, where: str) -> str:
    """The id of an image that its owner calls ``name``, any text a file system allows.

    A name that can be an id is its own. Of any other, what is readable stays, and a digest of
    the whole is added: ``IMG 001 (2)`` is ``IMG_001_2-`` and ten digits. So an id depends on the
    name alone. Composed and decomposed letters are the same name.

    Args:
        name: of the file, without its ending; it may have folders before it, with ``/``.
        where: names the source in an error.

    Raises:
        ContaError: the name is empty, too long, leaves its folder (``..``), or holds what no
            file name should: control characters, or bytes that are no UTF-8.
    """
    if is_image_id(name):
        return name
    name = unicodedata.normalize("NFC", name)
    strange = any(unicodedata.category(character) in ("Cc", "Cs") for character in name)
    parts = name.split("/")
    if not name.strip() or strange or "" in parts or ".." in parts or len(name) > MAX_NAME_LENGTH:
        raise ContaError(
            f"{where}: image name {name[:MAX_ID_LENGTH]!r}; expected a file name of at most "
            f"{MAX_NAME_LENGTH} characters, without control characters and '..': rename the image"
        )
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    readable = re.sub(r"\.{2,}", ".", re.sub(r"[^A-Za-z0-9.]+", "_", plain))
    digest = hashlib.blake2b(name.encode(), digest_size=5).hexdigest()
    return f"{readable.strip('._')[:_READABLE] or 'image'}-{digest}"


def given_id(text: str) -> str:
    """The id of an image that a person names, by its id or by the name of their own.

    What can be neither stays as it is, for the message that there is no such image.
    """
    try:
        return image_id_of(text, "")
    except ContaError:
        return text
