"""From files to pixels and back: photographs of every kind, and label masks."""

from conta_core.images.photographs import read_image

__all__ = ["read_image"]
