"""Colours of a training image changed by chance."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

#: of red, green and blue to the grey of a pixel (ITU-R BT.601)
GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True)
class ColourJitter:
    """Brightness, contrast, saturation and hue, each changed by chance, in an order by chance.

    Attributes:
        brightness: b: the colours are multiplied by a factor of 1 - b to 1 + b.
        contrast: likewise the distance to the image's mean grey.
        saturation: likewise the distance to the pixel's own grey.
        hue: h: the hue is turned by up to h of a whole turn, either way.
    """

    brightness: float
    contrast: float
    saturation: float
    hue: float

    def __call__(self, image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """The image in other colours.

        Args:
            image: uint8 RGB (H, W, 3).
            generator: always draws one permutation and four numbers.

        Returns:
            uint8 (H, W, 3).
        """
        order = generator.permutation(4)
        drawn = generator.uniform(-1.0, 1.0, 4)
        strengths = (self.brightness, self.contrast, self.saturation, self.hue)
        changes = [float(strength * draw) for strength, draw in zip(strengths, drawn, strict=True)]
        steps = (_brighter, _contrasted, _saturated, _turned)
        colours = image.astype(np.float32) / 255
        for index in order:
            if changes[index]:
                colours = np.clip(steps[index](colours, changes[index]), 0, 1)
        return np.rint(colours * 255).astype(np.uint8)


def _brighter(colours: np.ndarray, change: float) -> np.ndarray:
    return colours * np.float32(1 + change)


def _contrasted(colours: np.ndarray, change: float) -> np.ndarray:
    mean = (colours @ GREY).mean()
    return colours + (colours - mean) * np.float32(change)


def _saturated(colours: np.ndarray, change: float) -> np.ndarray:
    return colours + (colours - (colours @ GREY)[..., None]) * np.float32(change)


def _turned(colours: np.ndarray, change: float) -> np.ndarray:
    hsv = cv2.cvtColor(colours, cv2.COLOR_RGB2HSV)  # the hue in degrees
    hsv[..., 0] = (hsv[..., 0] + np.float32(360 * change)) % 360
    turned: np.ndarray = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    return turned
