from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from models import CLASSES, write_cam_like, write_deeplab

from conta_core import load_model
from conta_core.errors import ContaError
from conta_core.tools.exporting.models import about, export_model, export_onnx, write_classes
from conta_core.tools.exporting.onnx_check import require_same

#: batch, height, width
SHAPES = [(1, 64, 64), (2, 97, 130), (3, 33, 49), (1, 240, 161)]


@pytest.mark.parametrize("backbone", ["efficientnet_lite0_stage5", "resnet18", "deeplab_resnet101"])
def test_onnx_computes_what_pytorch_does(tmp_path: Path, backbone: str) -> None:
    source = write_deeplab(tmp_path / "model.safetensors", backbone)
    export_onnx(source, tmp_path / "model.onnx")
    network = load_model(source)
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    rng = np.random.default_rng(0)
    for shape in SHAPES[: 2 if backbone == "deeplab_resnet101" else 4]:
        images = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
        (found,) = session.run(["logits"], {"images": images})
        with torch.no_grad():
            pixels = torch.from_numpy(images).permute(0, 3, 1, 2)
            expected = network(network.backbone.normalise(pixels)).numpy()
        assert found.shape == expected.shape
        assert np.ptp(expected) > 0.01
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max(), rtol=0)


def test_onnx_tells_its_classes(tmp_path: Path) -> None:
    source = write_deeplab(tmp_path / "model.safetensors")
    export_onnx(source, tmp_path / "model.onnx")
    model = onnx.load(tmp_path / "model.onnx")
    found = {p.key: json.loads(p.value) for p in model.metadata_props}
    assert [c["name"] for c in found["classes"]] == ["background", *CLASSES]
    assert found["classes"][1] == {"value": 1, "name": "cat", "colour": [128, 0, 0]}
    assert found["ignore"] == 255
    assert found["normalisation"]["mean"] == [0.5, 0.5, 0.5]
    (image,) = onnxruntime.InferenceSession(str(tmp_path / "model.onnx")).get_inputs()
    assert (image.name, image.type) == ("images", "tensor(uint8)")
    assert image.shape == ["batch", "height", "width", 3]


class OfOneSize(torch.nn.Module):
    """Logits that hang on a number which a trace keeps."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.permute(0, 3, 1, 2).float() / float(images.shape[1])


def test_a_graph_for_images_of_one_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    images = torch.zeros(1, 40, 30, 3, dtype=torch.uint8)
    torch.onnx.export(
        OfOneSize(), (images,), str(path), input_names=["images"], output_names=["logits"],
        dynamic_axes={"images": {1: "height", 2: "width"}}, opset_version=17, dynamo=False,
    )  # fmt: skip
    with pytest.raises(ContaError, match=r"only for images of one size \(logits differ by"):
        require_same("model.safetensors", onnx.load(path), OfOneSize())


def test_without_onnx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ContaError, match=r"pip install 'conta\[onnx\]'"):
        export_onnx(tmp_path / "model.safetensors", tmp_path / "model.onnx")


def test_safetensors_and_classes(tmp_path: Path) -> None:
    source = write_deeplab(tmp_path / "model.safetensors")
    export_model(source, tmp_path / "out" / "model.safetensors")
    assert (tmp_path / "out/model.safetensors").read_bytes() == source.read_bytes()
    write_classes(source, tmp_path / "classes.json")
    content = json.loads((tmp_path / "classes.json").read_text())
    assert content == {"format": "conta-classes", "format_version": 1, **about(source)}


def test_models_that_are_none(tmp_path: Path) -> None:
    cam = write_cam_like(tmp_path / "cam.safetensors")
    with pytest.raises(ContaError, match=r"gives CAMs and no masks"):
        export_model(cam, tmp_path / "out.safetensors")
    source = write_deeplab(tmp_path / "model.safetensors")
    damaged = bytearray(source.read_bytes())
    damaged[-9] ^= 1
    source.write_bytes(damaged)
    with pytest.raises(ContaError, match=r"checksum is wrong"):
        export_model(source, tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()
