"""Conta: context adjustment for weakly supervised semantic segmentation, stage by stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conta_core.errors import ContaError

if TYPE_CHECKING:
    from conta_core.data.manifest import Manifest
    from conta_core.networks.any_model import load_model
    from conta_core.storage.stores.reader import StoreReader

__version__ = "0.1.0"
__all__ = ["ContaError", "Manifest", "StoreReader", "load_model"]


def __getattr__(name: str) -> Any:
    """Import the public names when they are asked for: a stage must not pay for torch unused."""
    if name == "load_model":
        from conta_core.networks.any_model import load_model

        return load_model
    if name == "Manifest":
        from conta_core.data.manifest import Manifest

        return Manifest
    if name == "StoreReader":
        from conta_core.storage.stores.reader import StoreReader

        return StoreReader
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
