"""Loading a model file of any kind."""

from __future__ import annotations

import os

from torch import nn

from conta_core.errors import ContaError
from conta_core.networks.cam_net import build_cam_net
from conta_core.networks.deeplab import build_deeplab
from conta_core.networks.irn import build_irn
from conta_core.networks.loading import load_network
from conta_core.storage.model_files import read_metadata

BUILDERS = {"cam": build_cam_net, "irn": build_irn, "deeplab": build_deeplab}


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
