"""The segmentation model as safetensors and as ONNX, with its classes."""

from __future__ import annotations

import json
import logging
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from conta_core.errors import ContaError
from conta_core.images.masks import IGNORE, voc_palette
from conta_core.networks.segmenters.base import SegmentationNetwork
from conta_core.networks.segmenters.files import load_segmentation
from conta_core.storage.atomic import replace_when_done
from conta_core.storage.json_files import write_json
from conta_core.tools.exporting.onnx_check import require_same
from conta_core.tools.predict.segmenter import require_segmentation_model

CLASSES_FORMAT, CLASSES_VERSION = "conta-classes", 1
#: of the ONNX operators; runtimes since 2021 have it
OPSET = 17
INPUT, OUTPUT = "images", "logits"


def export_model(source: str | os.PathLike[str], path: Path) -> None:
    """Copy the model file of a round, after it was read whole and found right.

    Raises:
        ContaError: no segmentation model, or damaged.
    """
    require_segmentation_model(source)
    load_segmentation(source)
    with replace_when_done(path) as temporary:
        shutil.copyfile(source, temporary)


def write_classes(source: str | os.PathLike[str], path: Path) -> None:
    """Write what a program must know of a model and its masks: classes, colours, input.

    Raises:
        ContaError: no segmentation model, or damaged.
    """
    write_json(path, {"format": CLASSES_FORMAT, "format_version": CLASSES_VERSION, **about(source)})


def about(source: str | os.PathLike[str]) -> dict[str, Any]:
    """Classes by pixel value with their colours, and how the network's input is made.

    Raises:
        ContaError: no segmentation model, or damaged.
    """
    classes = require_segmentation_model(source)
    backbone = load_segmentation(source).backbone
    palette = voc_palette().tolist()
    return {
        "classes": [
            {"value": value, "name": name, "colour": palette[value]}
            for value, name in enumerate(["background", *classes])
        ],
        "ignore": IGNORE,
        "normalisation": {
            "mean": list(backbone.mean),
            "std": list(backbone.std),
            "channels": "BGR" if backbone.bgr else "RGB",
            "of": "(value / 255 - mean) / std, by channel as RGB, before channels are turned",
        },
    }


class _FromPixels(nn.Module):
    """The network with its normalisation inside."""

    def __init__(self, network: SegmentationNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """uint8 (B, H, W, 3) to logits (B, n + 1, h, w)."""
        pixels = images.permute(0, 3, 1, 2)
        logits: Tensor = self.network(self.network.backbone.normalise(pixels))
        return logits


def export_onnx(source: str | os.PathLike[str], path: Path) -> None:
    """Write the model as ONNX, for photographs as they are.

    Input ``images``: uint8 (batch, height, width, 3), RGB; all three free. Output ``logits``:
    float32 (batch, n + 1, h, w) at the network's stride, background first; bring them to the
    photograph's size bilinearly (pixel centres at one half), and take the argmax. Metadata:
    ``classes``, ``normalisation`` (inside the graph already) and ``ignore``, as JSON.

    Args:
        source: of a segmentation model.
        path: of the .onnx file; it appears whole or not at all.

    Raises:
        ContaError: no segmentation model, a network that ONNX cannot hold or holds for images of
            one size alone, or onnx is missing.
    """
    onnx = _onnx()
    require_segmentation_model(source)
    module = _FromPixels(load_segmentation(source)).eval()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with replace_when_done(path) as temporary:
        with torch.no_grad(), warnings.catch_warnings(), _no_output():
            warnings.simplefilter("ignore")  # of constants in the trace, which they are
            try:
                torch.onnx.export(
                    module,
                    (torch.zeros(1, 129, 97, 3, dtype=torch.uint8),),
                    str(temporary),
                    input_names=[INPUT],
                    output_names=[OUTPUT],
                    dynamic_axes={
                        INPUT: {0: "batch", 1: "height", 2: "width"},
                        OUTPUT: {0: "batch", 2: "logit_height", 3: "logit_width"},
                    },
                    opset_version=OPSET,
                    # the newer exporter takes 200 times as long for the same graph with free sizes
                    dynamo=False,
                )
            except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
                reason = str(error).partition("\n")[0]
                raise ContaError(
                    f"{source}: its network cannot be written as ONNX ({reason}); choose another "
                    "segmentation.backbone, or export safetensors"
                ) from None
        model = onnx.load(str(temporary))
        for key, value in about(source).items():
            model.metadata_props.add(key=key, value=json.dumps(value))
        onnx.checker.check_model(model)
        require_same(source, model, module)
        onnx.save(model, str(temporary))


@contextmanager
def _no_output() -> Iterator[None]:
    """Where torch fails, it writes the whole graph to standard output, past Python."""
    kept = os.dup(1)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def require_onnx() -> None:
    """Raise ContaError where the package onnx is missing."""
    _onnx()


def _onnx() -> Any:
    try:
        import onnx
    except ImportError:
        raise ContaError(
            "the format onnx needs the package onnx, which is not installed: pip install "
            "'conta[onnx]', or leave this format out"
        ) from None
    return onnx
