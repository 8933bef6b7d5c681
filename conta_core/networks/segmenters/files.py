"""Model files of segmentation models: which network one holds, and the ready network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from conta_core.errors import ContaError
from conta_core.networks.loading import load_network
from conta_core.networks.segmenters.base import SegmentationNetwork
from conta_core.settings.choices import SEGMENTATION_NETWORKS
from conta_core.storage.model_files import read_metadata

#: of DeepLab v2's files, which older versions read too
V2_KIND = "deeplab"
#: of all other networks' files
KIND = "segmentation"
KINDS = (V2_KIND, KIND)


def description(network: str, architecture: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Kind of the file and architecture that a network's file keeps.

    Args:
        network: a name of ``segmentation.network``.
        architecture: the network's arguments.
    """
    if network == "deeplab_v2":
        return V2_KIND, architecture
    return KIND, {"network": network, **architecture}


def build_segmentation(class_count: int, architecture: dict[str, Any]) -> SegmentationNetwork:
    """A segmentation model as its file describes it, without pretrained weights."""
    own = {**architecture, "weights": "none"}
    network = SEGMENTATION_NETWORKS[own.pop("network", "deeplab_v2")].load_code()
    made: SegmentationNetwork = network(class_count, **own)
    return made


def load_segmentation(
    path: str | os.PathLike[str], classes: Sequence[str] | None = None
) -> SegmentationNetwork:
    """The segmentation model of a file, in evaluation mode, on the CPU.

    Args:
        path: of the model file.
        classes: what it must have been trained for; None: whatever it was.

    Raises:
        ContaError: as :func:`~conta_core.networks.loading.load_network`.
    """
    return load_network(path, require_kind(path), build_segmentation, classes)


def require_kind(path: str | os.PathLike[str]) -> str:
    """The kind of a segmentation model's file.

    Raises:
        ContaError: no model file of ours, or one of another kind.
    """
    kind = read_metadata(path)[0]
    if kind not in KINDS:
        raise ContaError(
            f"{path}: a model of kind {kind!r}, expected one of {', '.join(KINDS)}; name another "
            "file"
        )
    return kind
