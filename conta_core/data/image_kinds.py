"""The kinds of image files: those that are read, and what to do about the others."""

from __future__ import annotations

from PIL import features

try:  # the extra `heic`
    from pillow_heif import register_heif_opener
except ImportError:
    _HEIF: tuple[str, ...] = ()
else:
    register_heif_opener()
    _HEIF = ("HEIF",)

_AVIF = ("AVIF",) if features.check("avif") else ()
#: what is read; Pillow knows others, of which EPS runs a program
FORMATS = ("BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP", *_AVIF, *_HEIF)
#: endings of these, and of HEIC and AVIF, which are told of where they cannot be read
ENDINGS = frozenset(
    ".bmp .gif .jpg .jpeg .jp2 .j2k .png .ppm .pgm .pbm .pnm .tif .tiff .webp "  # noqa: SIM905
    ".avif .heic .heif".split()
)
#: how much of a file :func:`mend_of` looks at
HEAD = 64
#: in a file's head after "ftyp" -> the kind, the format that reads it, and how to have that
_KINDS = {
    **dict.fromkeys((b"avif", b"avis"), ("AVIF", "AVIF", "install Pillow with AVIF")),
    **dict.fromkeys(
        (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"),
        ("HEIC", "HEIF", "pip install pillow-heif"),
    ),
}


def mend_of(head: bytes) -> str:
    """What to do about a file that cannot be read as an image, by its first bytes."""
    brands = [head[i : i + 4] for i in range(8, len(head), 4)] if head[4:8] == b"ftyp" else []
    for brand in brands:
        if brand in _KINDS:
            kind, reader, how = _KINDS[brand]
            found = f"it is a photograph of the kind {kind}"
            return (
                f"{found}: replace the file,"
                if reader in FORMATS
                else f"{found}: {how}, or convert it to JPEG,"
            )
    return "replace the file"
