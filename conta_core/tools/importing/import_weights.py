"""From a published checkpoint to a .safetensors file of ours."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from torch import Tensor

from conta_core.errors import ContaError
from conta_core.storage.model_files import save_backbone, save_model
from conta_core.tools.importing.checkpoint import read_checkpoint
from conta_core.tools.importing.converted import ConvertedBackbone, ConvertedModel
from conta_core.tools.importing.deeplab_pytorch import convert_deeplab_pytorch
from conta_core.tools.importing.irnet import convert_cam, convert_irn
from conta_core.tools.importing.seam import convert_seam
from conta_core.tools.importing.torchvision_resnets import convert_torchvision

Converter = Callable[
    [Path, Mapping[str, Tensor], Sequence[str] | None], ConvertedModel | ConvertedBackbone
]

KINDS: dict[str, Converter] = {
    "irnet-cam": convert_cam,
    "irnet-irn": convert_irn,
    "deeplab-pytorch": convert_deeplab_pytorch,
    "torchvision": convert_torchvision,
    "seam": convert_seam,
}


def import_weights(
    kind: str,
    source: str | os.PathLike[str],
    output: str | os.PathLike[str],
    classes: Sequence[str] | None = None,
) -> ConvertedModel | ConvertedBackbone:
    """Convert a published checkpoint, every key of it.

    Args:
        kind: ``irnet-cam``, ``irnet-irn``, ``deeplab-pytorch``, ``torchvision`` or ``seam``.
        source: the checkpoint, as torch.save or safetensors wrote it. No code in it is run.
        output: the .safetensors file to write, whole or not at all.
        classes: foreground class names in the order of the outputs; None: VOC's where there are
            20, COCO's where there are 80.

    Returns:
        What was written: a model, which :func:`conta_core.load_model` gives back, or a backbone,
        for the key ``weights``.

    Raises:
        ContaError: an unknown kind, no checkpoint, or one whose keys, shapes or classes do not
            fit, by name. A file at ``output`` is left as it was.
    """
    source, output = Path(source), Path(output)
    if kind not in KINDS:
        raise ContaError(f"kind is {kind!r}; expected one of {', '.join(KINDS)}")
    if output.suffix != ".safetensors" or output.is_dir():
        raise ContaError(f"{output}: not a file to write; give a path that ends in .safetensors")
    if output.exists() and source.exists() and output.samefile(source):
        raise ContaError(f"{output}: is the checkpoint itself; give another path to write")
    converted = KINDS[kind](source, read_checkpoint(source), classes)
    if isinstance(converted, ConvertedModel):
        save_model(
            output, converted.module, converted.kind, converted.classes, converted.architecture
        )
    else:
        save_backbone(output, converted.module, converted.names)
    return converted
