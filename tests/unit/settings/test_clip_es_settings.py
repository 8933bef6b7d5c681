"""cam.method clip-es: what it needs, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conta_core.errors import ContaError
from conta_core.settings import Experiment
from conta_core.settings.clip_es import ClipEsSettings
from conta_core.settings.load import load_experiments, require_weights
from conta_core.workflow.stages import BY_NAME

#: of a run that clip-es can be of
FITTING: dict[str, Any] = {"rounds": 1, "context": {"method": "none"}}


def experiment(**cam: Any) -> Experiment:
    config = {**FITTING, "cam": {"method": "clip-es", "text": "text.safetensors", **cam}}
    return load_experiments({"runs": {"r": config}})["r"]


def test_the_constants_are_the_papers() -> None:
    found = experiment().cam
    assert isinstance(found, ClipEsSettings)
    assert found.tower == "vit_base_patch16_clip_quickgelu_224.openai"
    assert (found.logit_scale, found.long_side) == (100.0, None)
    assert (found.attention_blocks, found.normalisations, found.power) == (8, 3, 2)
    assert found.box_threshold == 0.4


def test_every_key_is_one_of_the_extraction() -> None:
    run = experiment()
    keys = set(BY_NAME["extract_cams"].all_keys(0, run))
    assert keys == {f"cam.{key}" for key in ClipEsSettings.model_fields}
    needed = [name for name, stage in BY_NAME.items() if stage.is_needed(0, run)]
    asking = {"train_cam", "train_recam", "evaluate_reliance", "measure_objects"}
    assert not asking & {*needed}
    assert {"extract_cams", "train_irn", "train_deeplab"} <= {*needed}


def test_the_texts_are_an_input_once_they_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = experiment(tower_weights="tower.safetensors")
    assert BY_NAME["extract_cams"].further_inputs(0, run) == {}
    with pytest.raises(ContaError, match=r"run r: cam.text is 'text.safetensors': no such file"):
        require_weights({"r": run})
    Path("text.safetensors").touch()
    assert BY_NAME["extract_cams"].further_inputs(0, run) == {"text": "text.safetensors"}
    assert BY_NAME["evaluate_cams"].further_inputs(0, run) == {}
    with pytest.raises(ContaError, match=r"cam.tower_weights is 'tower.safetensors': no such file"):
        require_weights({"r": run})
    Path("tower.safetensors").touch()
    require_weights({"r": run, "s": experiment()})


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"cam": {}}, "text is null; name the text embeddings of the classes"),
        ({"rounds": 2}, r"and rounds is 2; give rounds: 1\. For more rounds, let"),
        ({"context": {"method": "intervention"}}, "and context.method is intervention; give cont"),
        (
            {"rounds": 3, "context": {"method": "conta"}},
            "rounds is 3, context.method is conta; give rounds: 1, "
            r"context.method: none\. .*\(cam.method: imported\)",
        ),
        ({"cam": {"text": "t", "power": -1}}, "cam.power is -1"),
        ({"cam": {"text": "t", "epochs": 3}}, "cam.epochs is not a key; known here: attention_bl"),
    ],
)
def test_what_is_refused(config: dict[str, Any], message: str) -> None:
    cam = {"method": "clip-es", **config.get("cam", {"text": "t"})}
    with pytest.raises(ContaError, match=message) as caught:
        load_experiments({"runs": {"r": {**FITTING, **config, "cam": cam}}})
    assert str(caught.value).startswith("config: runs: r: cam")


def test_ignored_pixels_need_the_crf() -> None:
    masks = {"crf": False, "ignore_below": 0.95}
    with pytest.raises(ContaError, match=r"ignore_below is 0.95 and crf false"):
        load_experiments({"pseudo_masks": masks})
