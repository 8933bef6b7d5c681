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
#: of MP4 and QuickTime
_VIDEOS = frozenset(
    (b"isom", b"iso2", b"avc1", b"mp41", b"mp42", b"qt  ", b"M4V ", b"3gp4", b"3gp5")
)


def mend_of(head: bytes) -> str:
    """What to do about a file that cannot be read as an image, by its first bytes."""
    brands = [head[i : i + 4] for i in range(8, len(head), 4)] if head[4:8] == b"ftyp" else []
    for brand in brands:
        if brand in _KINDS:
            kind, reader, how = _KINDS[brand]
            found = f"it is a photograph of the kind {kind}"
            if reader in FORMATS:
                return f"{found}: replace the file,"
            return f"{found}: {how}, or convert it to JPEG,"
    if not head:
        return "the file is empty: copy it again"
    matroska, avi = head.startswith(b"\x1aE\xdf\xa3"), head[8:12] == b"AVI "
    if matroska or (head.startswith(b"RIFF") and avi) or set(brands) & _VIDEOS:
        return "it is a video, which conta predict takes by --camera FILE: replace the file"
    return "replace the file"
