"""The table of areas: how many pixels of each photograph each class has."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence

from conta_core.storage.atomic import replace_when_done

COLUMNS = ("image", "class", "pixels", "share")


def write_areas(
    path: str | os.PathLike[str],
    rows: Iterable[tuple[str, Sequence[int]]],
    names: Sequence[str],
) -> None:
    """Write a csv of one line a photograph and class, background first, zeros too.

    Args:
        path: of the csv; it appears whole or not at all.
        rows: path of each photograph, and its pixels by pixel value.
        names: by pixel value, background first.
    """
    with (
        replace_when_done(path) as temporary,
        # names of files may be no UTF-8; their bytes stay as they are
        open(temporary, "w", newline="", encoding="utf-8", errors="surrogateescape") as stream,
    ):
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(COLUMNS)
        for image, pixels in rows:
            total = sum(pixels)
            for name, count in zip(names, pixels, strict=True):
                table.writerow((image, name, count, f"{count / total:.6f}"))
