"""Figures of a page: pictures with their captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from conta_core.images.drawing.data_uri import data_uri
from conta_core.images.drawing.label_colours import colour_labels

#: long side of a picture in pixels
PICTURE = 176


@dataclass(frozen=True)
class Figure:
    """A picture with its caption.

    Attributes:
        caption: stands below.
        width: of the picture in pixels.
        height: likewise.
        source: the picture as a data URI; empty: its place stays blank.
        alt: the alternative text.
    """

    caption: str
    width: int
    height: int
    source: str = ""
    alt: str = ""


def figure(pixels: np.ndarray, caption: str, alt: str, exact: bool = False) -> Figure:
    """A figure of pixels.

    Args:
        pixels: uint8 RGB (H, W, 3).
        caption: stands below.
        alt: the alternative text.
        exact: keeps flat colours as they are.
    """
    source, (width, height) = data_uri(pixels, PICTURE, exact=exact)
    return Figure(caption, width, height, source, alt)


def label_figure(labels: np.ndarray, caption: str, names: Sequence[str], where: str) -> Figure:
    """A figure of a mask in the colours of the classes.

    Args:
        labels: uint8 (H, W), 0 background, 255 ignored.
        caption: stands below.
        names: by pixel value, background first.
        where: image and round, for the alternative text, which also names the classes present.
    """
    present = [names[v] for v in np.unique(labels) if 0 < v < len(names)]
    shown = ", ".join(present) or "background only"
    return figure(colour_labels(labels), caption, f"{caption} of {where}: {shown}", exact=True)
