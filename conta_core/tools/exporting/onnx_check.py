"""Whether a model that was written as ONNX still computes what the network does."""

from __future__ import annotations

import logging
import os
from typing import Any

import numpy as np
import torch
from torch import nn

from conta_core.errors import ContaError

LOGGER = logging.getLogger(__name__)
#: batch, height, width: another padding and another grid than those of the image that was traced
SHAPE = (1, 104, 232)
#: of the greatest logit
TOLERANCE = 1e-4


def require_same(source: str | os.PathLike[str], model: Any, module: nn.Module) -> None:
    """Compare the logits of an image of another size than the traced one.

    Networks that make a mask or a grid of an image's size in Python leave that of the traced image
    in the graph. It runs, and computes something else.

    Args:
        source: path of the model file, for the message.
        model: the onnx.ModelProto.
        module: from uint8 (B, H, W, 3) to logits, in evaluation mode.

    Raises:
        ContaError: they differ.
    """
    from onnx.reference import ReferenceEvaluator

    images = np.random.default_rng(0).integers(0, 256, (*SHAPE, 3), dtype=np.uint8)
    with torch.no_grad():
        expected = module(torch.from_numpy(images)).float().numpy()
    try:
        (given,) = ReferenceEvaluator(model).run(None, {model.graph.input[0].name: images})
        found = np.asarray(given)
    except NotImplementedError as error:
        LOGGER.warning("%s: the ONNX file was not compared with the network: %s", source, error)
        return
    except Exception as error:  # of numpy, where shapes were fixed in the graph
        reason = str(error).partition("\n")[0]
    else:
        if found.shape == expected.shape:
            difference = np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-12)
            if difference <= TOLERANCE:
                return
            reason = f"logits differ by {difference:.0e} of the greatest one"
        else:
            reason = f"logits {found.shape}, expected {expected.shape}"
    raise ContaError(
        f"{source}: its network as ONNX is right only for images of one size ({reason}); choose "
        "another segmentation.backbone, or export safetensors"
    )
