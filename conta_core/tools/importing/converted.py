"""What a conversion gives: a model or a backbone of ours, and how it is described."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from conta_core.data.readers.coco_classes import COCO_CLASSES
from conta_core.data.readers.voc import VOC_CLASSES
from conta_core.errors import ContaError


@dataclass(frozen=True)
class ConvertedModel:
    """A whole model.

    Attributes:
        module: with the published weights.
        kind: ``cam``, ``seam``, ``irn`` or ``deeplab``.
        classes: foreground class names.
        architecture: of the model file.
        dropped: names of the published file that have no place in it.
    """

    module: nn.Module
    kind: str
    classes: tuple[str, ...]
    architecture: Mapping[str, Any]
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True)
class ConvertedBackbone:
    """A backbone, for the key ``weights`` of a network.

    Attributes:
        module: with the published weights.
        names: the values of the key ``backbone`` that it fits.
        dropped: names of the published file that have no place in it.
    """

    module: nn.Module
    names: tuple[str, ...]
    dropped: tuple[str, ...] = field(default=())


def name_classes(given: Sequence[str] | None, count: int, where: str) -> tuple[str, ...]:
    """Foreground class names: those given, or VOC's for 20 and COCO's for 80.

    Args:
        given: by the user; None: not given.
        count: how many the weights are for.
        where: the file and its outputs, for the errors.

    Raises:
        ContaError: another number of names, a name twice or empty, or none given for a number
            of classes that is no known data set's.
    """
    if given is None:
        known = {len(VOC_CLASSES): VOC_CLASSES, len(COCO_CLASSES): COCO_CLASSES}
        if count not in known:
            raise ContaError(
                f"{where}: {count} foreground classes, which are neither VOC's 20 nor COCO's 80; "
                "name them with --classes, in the order of the outputs"
            )
        return known[count]
    if len(given) != count:
        raise ContaError(
            f"{where}: {count} foreground classes, but --classes names {len(given)}; name each "
            "of them once, in the order of the outputs"
        )
    if len(set(given)) != len(given) or not all(given):
        raise ContaError(f"--classes is {','.join(given)!r}: a name is empty or stands there twice")
    return tuple(given)
