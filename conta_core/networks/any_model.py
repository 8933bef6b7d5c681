"""Loading a model file of any kind."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from torch import nn

from conta_core.errors import ContaError
from conta_core.networks.cam_net import build_cam_net
from conta_core.networks.irn import build_irn
from conta_core.networks.loading import load_network
from conta_core.networks.recam_net import RECAM_KIND, build_recam_net
from conta_core.networks.seam_net import SEAM_KIND, build_seam_net
from conta_core.networks.segmenters.files import KIND, V2_KIND, build_segmentation
from conta_core.storage.model_files import read_metadata

BUILDERS: dict[str, Callable[[int, dict[str, Any]], nn.Module]] = {
    "cam": build_cam_net,
    RECAM_KIND: build_recam_net,
    SEAM_KIND: build_seam_net,
    "irn": build_irn,
    V2_KIND: build_segmentation,
    KIND: build_segmentation,
}


def load_model(path: str | os.PathLike[str]) -> nn.Module:
    """The ready module of a model file, in evaluation mode.

    Args:
        path: of a model.safetensors of any stage.

    Raises:
        ContaError: no model file of ours, or cut off.
    """
    kind = read_metadata(path)[0]
    if kind not in BUILDERS:
        raise ContaError(f"{path}: a model of kind {kind!r}, expected one of {sorted(BUILDERS)}")
    return load_network(path, kind, BUILDERS[kind])
