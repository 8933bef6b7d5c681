"""cam.method imported and pseudo_masks.imported: what stages depend on, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conta_core.errors import ContaError
from conta_core.settings import Experiment
from conta_core.settings.load import load_experiments, require_weights
from conta_core.workflow.stages import BY_NAME, STAGES

STORE = "results/other/round-0/cam/cams.h5"
FIXED = {"method": "intervention", "intervention": {"threshold": "fixed"}}


def experiment(**config: Any) -> Experiment:
    return load_experiments(config)["context-shapes"]


def imported(source: str = STORE, **more: Any) -> Experiment:
    return experiment(cam={"method": "imported", "source": source}, **more)


def needed(given: Experiment, index: int) -> set[str]:
    return {s.name for s in STAGES if s.by_round and s.is_needed(index, given)}


def test_keys_of_extraction_by_round() -> None:
    extract, train = BY_NAME["extract_cams"], BY_NAME["train_cam"]
    given = imported()
    assert extract.all_keys(0, given) == ("cam.method", "cam.source")
    assert {"cam.method", "cam.scales"} <= set(extract.all_keys(1, given))
    assert "cam.source" not in extract.all_keys(1, given)
    for index in range(2):
        keys = train.all_keys(index, given)
        assert "cam.backbone" in keys
        assert not {"cam.source", "cam.scales"} & set(keys)


def test_inputs_by_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    extract, reliance = BY_NAME["extract_cams"], BY_NAME["evaluate_reliance"]
    of_round = "results/{run}/round-{}/cam/model.safetensors"
    assert extract.further_inputs(0, imported()) == {"source": STORE}
    assert extract.further_inputs(1, imported()) == {"model": of_round.format(1, run="{run}")}
    assert reliance.further_inputs(0, imported()) == {"model": of_round.format(0, run="{run}")}
    assert set(reliance.further_inputs(1, imported())) == {"model", "cams"}
    assert set(reliance.further_inputs(0, experiment())) == {"model", "cams"}
    # a folder is an input once it is there
    monkeypatch.chdir(tmp_path)
    given = imported("cams")
    assert extract.further_inputs(0, given) == {}
    with pytest.raises(ContaError, match=r"run r: cam.source is 'cams': no such folder; name a"):
        require_weights({"r": given})
    (tmp_path / "cams").write_text("a file")
    with pytest.raises(ContaError, match="no such folder"):
        require_weights({"r": given})
    (tmp_path / "cams").unlink()
    (tmp_path / "cams").mkdir()
    require_weights({"r": given})
    assert extract.further_inputs(0, given) == {"source": "cams"}
    # a store that a run makes is not asked for before it is made; another one is
    require_weights({"r": imported()})
    with pytest.raises(ContaError, match=r"cam.source is 'else/cams.h5': no such file"):
        require_weights({"r": imported("else/cams.h5")})


def test_a_classifier_where_something_asks_it() -> None:
    none: dict[str, Any] = {"context": {"method": "none"}, "rounds": 2}
    assert "train_cam" not in needed(imported(reliance_images=0, **none), 0)
    assert "train_cam" in needed(imported(reliance_images=0, **none), 1)
    assert "train_cam" in needed(imported(reliance_images=5, **none), 0)
    assert "train_cam" in needed(imported(reliance_images=0), 0)  # measure_objects asks
    assert "train_cam" in needed(experiment(reliance_images=0, **none), 0)
    recam = {"cam": {"method": "recam"}, "pseudo_masks": {"imported": "m"}}
    assert not {"train_cam", "train_recam"} & needed(
        experiment(reliance_images=0, **none, **recam), 0
    )
    assert {"train_cam", "train_recam"} <= needed(experiment(reliance_images=0, **none, **recam), 1)


def test_rounds_whose_masks_are_read(tmp_path: Path) -> None:
    folder = str(tmp_path)
    given = experiment(pseudo_masks={"imported": folder}, context=FIXED)
    plain = experiment(context=FIXED)
    lacks = needed(plain, 0) - needed(given, 0)
    assert lacks == {
        "extract_cams", "evaluate_cams", "make_irn_labels", "train_irn", "refine_cams",
        "evaluate_refined",
    }  # fmt: skip
    assert needed(plain, 1) == needed(given, 1)
    make, reliance = BY_NAME["make_pseudo_masks"], BY_NAME["evaluate_reliance"]
    assert make.all_keys(0, given) == ("pseudo_masks.imported",)
    assert make.further_inputs(0, given) == {"imported": folder}
    assert make.all_keys(1, given) == make.all_keys(1, plain) == make.all_keys(0, plain)
    assert "pseudo_masks.imported" not in make.all_keys(1, given)
    assert make.further_inputs(1, given) == {"refined": "results/{run}/round-1/irn/refined.h5"}
    assert set(reliance.further_inputs(0, given)) == {"model"}
    require_weights({"r": given})
    missing = experiment(pseudo_masks={"imported": f"{folder}/no"}, context=FIXED)
    assert make.further_inputs(0, missing) == {}
    with pytest.raises(ContaError, match=r"pseudo_masks.imported is '.*/no': no such folder; name"):
        require_weights({"r": missing})


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"cam": {"method": "imported"}}, "cam.source is null; name the CAMs that other code made"),
        ({"cam": {"method": "imported", "source": 3}}, "cam.source is 3"),
        ({"cam": {"source": "x"}}, "cam.source is not a key"),
        ({"pseudo_masks": {"imported": "m"}},
         "pseudo_masks.imported is 'm', so round 0 has no refined CAMs, but context.intervention."
         "threshold is same_area, .*; give context: {intervention: {threshold: fixed}}"),
        ({"pseudo_masks": {"imported": "m"}, "context": FIXED,
          "cam": {"method": "imported", "source": "x"}},
         "round 0 reads no CAMs, but cam.method is imported; give one of the two"),
    ],
)  # fmt: skip
def test_what_is_refused(config: dict[str, Any], says: str) -> None:
    with pytest.raises(ContaError, match=says):
        experiment(**config)


def test_one_round_needs_no_threshold() -> None:
    experiment(rounds=1, pseudo_masks={"imported": "m"})
    experiment(context={"method": "none"}, pseudo_masks={"imported": "m"})
    experiment(context={"method": "conta"}, pseudo_masks={"imported": "m"})
