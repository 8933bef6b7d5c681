"""Weights of IRNet (jiwoon-ahn/irn): its CAM net and its boundary and displacement network.

Its modules are reachable by several paths, so the files hold each tensor under all of them:
``resnet50.*``, ``stage<k>.*`` and ``backbone.<k - 1>.*`` of the backbone, and so on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from conta_core.errors import ContaError
from conta_core.networks.cam_net import CamNet
from conta_core.networks.irn import Irn
from conta_core.tools.importing.converted import ConvertedModel, name_classes
from conta_core.tools.importing.key_map import load_published
from conta_core.tools.importing.torchvision_resnets import torchvision_name

BACKBONE: dict[str, Any] = {
    "backbone": "irnet_resnet50",
    "weights": "none",
    "output_stride": 16,
    "seed": 0,
}
#: constants of the loss, which IRNet's training stores beside the weights
LOSS_CONSTANTS = re.compile(r"path_indices\d+|disp_target")


def convert_cam(
    path: Path, tensors: Mapping[str, Tensor], classes: Sequence[str] | None
) -> ConvertedModel:
    """IRNet's CAM net as a model of kind ``cam``.

    Raises:
        ContaError: keys, shapes or values that do not fit, or classes that do not.
    """
    head = tensors.get("classifier.weight")
    if head is None or head.ndim != 4:
        raise ContaError(
            f"{path}: has no 1x1 convolution classifier.weight among its {len(tensors)} tensors "
            "(its first: " + ", ".join(list(tensors)[:4]) + "); expected the CAM net that IRNet's "
            "train_cam step writes"
        )
    architecture = {**BACKBONE, "context_block": None}
    count = len(head)
    model = CamNet(count, **architecture)
    load_published(model, tensors, cam_names, path)
    return ConvertedModel(model, "cam", name_classes(classes, count, str(path)), architecture)


def convert_irn(
    path: Path, tensors: Mapping[str, Tensor], classes: Sequence[str] | None
) -> ConvertedModel:
    """IRNet's boundary and displacement network as a model of kind ``irn``.

    It knows no classes; those that its file names are the data set's that it was trained on,
    VOC's where none are given.

    Raises:
        ContaError: keys, shapes or values that do not fit, or classes that do not.
    """
    dropped = tuple(name for name in tensors if LOSS_CONSTANTS.fullmatch(name))
    model = Irn(**BACKBONE)
    load_published(model, tensors, irn_names, path, dropped)
    count = 20 if classes is None else len(classes)
    return ConvertedModel(
        model, "irn", name_classes(classes, count, str(path)), dict(BACKBONE), dropped
    )


def cam_names(key: str) -> tuple[str, ...]:
    """The names of a CAM net's tensor in IRNet's file."""
    if key == "classifier.weight":
        return "classifier.weight", "newly_added.0.weight"
    _, _, block, rest = key.split(".", 3)
    number = int(block)
    if number < 2:  # the stem and layer1 make stage1 together
        stage, inner = 1, rest if number == 0 else f"4.{rest}"
    else:
        stage, inner = number, f"0.{rest}"
    return _backbone_names(key, stage, inner)


def irn_names(key: str) -> tuple[str, ...]:
    """The names of an IRN's tensor in IRNet's file."""
    if key == "mean_displacement":
        places = ("mean_shift", "fc_dp7.4", "dp_layers.6.4")
        return tuple(f"{place}.running_mean" for place in places)
    part, rest = key.split(".", 1)
    if part == "edge":
        index, inner = _layer(rest, last=5)
        return f"fc_edge{index + 1}.{inner}", f"edge_layers.{index}.{inner}"
    if part == "displacement":
        index, inner = _displacement_layer(rest)
        return f"fc_dp{index + 1}.{inner}", f"dp_layers.{index}.{inner}"
    _, block, inner = rest.split(".", 2)
    number = int(block)
    return _backbone_names(key, number + 1, inner if number == 0 else f"0.{inner}")


def _backbone_names(key: str, stage: int, inner: str) -> tuple[str, ...]:
    plain = torchvision_name(key.removeprefix("backbone."))
    return f"resnet50.{plain}", f"stage{stage}.{inner}", f"backbone.{stage - 1}.{inner}"


def _layer(rest: str, last: int) -> tuple[int, str]:
    """Index and inner name of ``branches.<k>.<inner>`` or of the last layer, ``join.<inner>``."""
    if rest.startswith("branches."):
        _, index, inner = rest.split(".", 2)
        return int(index), inner
    return last, rest.removeprefix("join.")


def _displacement_layer(rest: str) -> tuple[int, str]:
    if rest.startswith("join_coarse."):
        return 5, rest.removeprefix("join_coarse.")
    if rest.startswith("join.0."):
        return 6, rest.removeprefix("join.0.")
    if rest.startswith("join.2."):
        return 6, f"3.{rest.removeprefix('join.2.')}"
    return _layer(rest, last=6)
