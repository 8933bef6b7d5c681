"""A window to show frames in, where OpenCV and the session have one."""

from __future__ import annotations

import os
import re

import cv2
import numpy as np

NAME = "conta predict (q ends)"
ESCAPE = 27


def window_missing() -> str | None:
    """Why no window can be shown; None: it can."""
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "there is no display (DISPLAY and WAYLAND_DISPLAY are not set)"
    if re.search(r"^\s*GUI:\s*NONE\s*$", cv2.getBuildInformation(), re.MULTILINE):
        return (
            "this OpenCV shows no windows (opencv-python-headless; with opencv-python in its place "
            "it does)"
        )
    return None


class Window:
    """A window that ends on q, Escape or when it is closed."""

    def show(self, frame: np.ndarray) -> bool:
        """Show a frame, uint8 RGB (H, W, 3); whether to go on."""
        cv2.imshow(NAME, np.ascontiguousarray(frame[..., ::-1]))
        key = cv2.waitKey(1) & 0xFF
        return (
            key not in (ord("q"), ESCAPE) and cv2.getWindowProperty(NAME, cv2.WND_PROP_VISIBLE) >= 1
        )

    def close(self) -> None:
        """Take the window away."""
        cv2.destroyAllWindows()
