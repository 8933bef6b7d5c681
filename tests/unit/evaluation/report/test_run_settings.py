from __future__ import annotations

from html_page import Page

from conta_core.evaluation.report.run_settings import known_settings, settings_section, unused_keys
from conta_core.evaluation.report.templates import render_section
from conta_core.settings import Experiment
from conta_core.settings.load import pick

KEYS = list(Experiment.model_fields)


def test_only_what_differs_stands_out() -> None:
    experiment = Experiment.model_validate({"seed": 5, "refinement": {"beta": 8.0}})
    settings = pick(experiment, KEYS, ["shards"])
    head, everything = str(render_section(settings_section(settings))).split("<details>")
    words = Page(head + "</section>").words
    assert words[-6:] == ["seed", "5", "0", "refinement.beta", "8.0", "20.0"]
    assert "everything random hangs on it" in everything
    assert "do not depend on: shards." in everything


def test_defaults() -> None:
    settings = pick(Experiment(), KEYS)
    assert "Every setting has its default." in render_section(settings_section(settings))
    assert unused_keys(settings) == []


def test_keys_that_do_not_matter_are_named() -> None:
    keys = [key for key in KEYS if key not in ("context", "shards")]
    settings = pick(Experiment(), [*keys, "context.method"], ["dataset.images"])
    unused = unused_keys(settings)
    assert unused[:3] == ["dataset.images.train", "dataset.images.val", "shards"]
    assert {"context.block", "context.size"} <= set(unused)
    assert "context.method" not in unused
    assert unused_keys(pick(Experiment(), keys)) == ["shards", "context"]
    assert next(known_settings(settings)).key == "dataset.name"


def test_keys_of_another_seed_and_network() -> None:
    """They are shown with their own defaults, and what chose them stands out."""
    experiment = Experiment.model_validate(
        {
            "cam": {"method": "recam", "recam_epochs": 2},
            "refinement": {"method": "none"},
            "segmentation": {"network": "segformer"},
        }
    )
    groups = ["cam", "refinement", "segmentation"]
    found = {one.key: one for one in known_settings(pick(experiment, groups))}
    changed = {key: one.value for key, one in found.items() if one.value != one.default}
    assert changed == {
        "cam.method": '"recam"',
        "cam.recam_epochs": "2",
        "refinement.method": '"none"',
        "segmentation.network": '"segformer"',
    }
    assert found["cam.recam_epochs"].default == "4"
    assert "segmentation.head_channels" in found
    assert "refinement.beta" not in found
