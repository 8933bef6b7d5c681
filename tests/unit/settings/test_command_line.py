"""What ``--config`` gives: text below a group, which is read as YAML reads it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from snakemake.cli import parse_config

from conta_core.errors import ContaError
from conta_core.settings.command_line import (
    require_given_once,
    require_one_configfile,
    typed_config,
)
from conta_core.settings.load import load_experiments, merge

FILE = {"dataset": {"name": "d", "format": "folder", "root": "r"}}


def loaded(*entries: str) -> Any:
    """The experiment of a config whose values the command line changes, as Snakemake hands them."""
    given = parse_config(entries)
    (experiment,) = load_experiments(typed_config(merge(FILE, given), given)).values()
    return experiment


def test_numbers_truth_values_null_and_lists() -> None:
    found = loaded(
        "cam={epochs: 2, learning_rate: 0.5, gradient_clip: null, scales: [0.5, 1]}",
        "pseudo_masks={crf: false}",
        "context={intervention: {area_filter: [0.1, 0.5]}}",
        "rounds=2",
    )
    assert (found.cam.epochs, found.cam.learning_rate, found.cam.gradient_clip) == (2, 0.5, None)
    assert found.cam.scales == (0.5, 1.0)
    assert found.pseudo_masks.crf is False
    assert found.context.intervention.area_filter == (0.1, 0.5)
    assert found.rounds == 2


@pytest.mark.parametrize("text", ["1e-3", "1.0e-3", "0.001", "1E-3", "+1e-3"])
def test_every_way_to_write_a_number(text: str) -> None:
    assert loaded(f"cam={{learning_rate: {text}}}").cam.learning_rate == 0.001


@pytest.mark.parametrize("name", ["2012", "true", "null", "1e3", "no"])
def test_a_key_that_takes_text_keeps_it(name: str) -> None:
    found = loaded(f"dataset={{name: '{name}'}}", f"dataset={{lists: {{train: {name}}}}}")
    assert found.dataset.name == name
    assert found.dataset.lists.train == name


def test_names_stay_names() -> None:
    found = loaded("context={method: none}", "cam={weights: none, method: seam}")
    assert (found.context.method, found.cam.weights, found.cam.method) == ("none", "none", "seam")


def test_classes_that_look_like_numbers() -> None:
    assert loaded("dataset={classes: [cat, dog]}").dataset.classes == ("cat", "dog")


def test_what_is_wrong_is_told_by_its_key() -> None:
    with pytest.raises(ContaError, match=r"config: cam\.epochs is 'many': .*integer"):
        loaded("cam={epochs: many}")
    with pytest.raises(ContaError, match=r"config: cam\.epohcs is not a key"):
        loaded("cam={epohcs: 2}")


def test_what_a_file_gives_as_text_stays_text() -> None:
    config = merge(FILE, {"cam": {"epochs": "2"}, "irn": {"epochs": 3}})
    with pytest.raises(ContaError, match=r"cam\.epochs is '2'"):
        load_experiments(typed_config(config, {"irn": {"epochs": "3"}}))


@pytest.mark.parametrize("text", ["1e-3", "5E-4", "1.e-3", "2e3"])
def test_a_number_that_yaml_takes_for_text(text: str) -> None:
    with pytest.raises(ContaError) as error:
        load_experiments(merge(FILE, {"cam": {"learning_rate": text}}))
    told = str(error.value).rpartition("write ")[2]
    assert float(told) == float(text)
    assert "YAML takes it for text" in str(error.value)
    assert isinstance(yaml.safe_load(told), float)


@pytest.mark.parametrize(
    ("entries", "key"),
    [
        (["rounds=1", "rounds=2"], "rounds"),
        (["cam={epochs: 1}", "cam={epochs: 2}"], "cam.epochs"),
        (["cam={epochs: 1, crop: 9}", "rounds=1", "cam={crop: 8}"], "cam.crop"),
    ],
)
def test_given_twice(entries: list[str], key: str) -> None:
    with pytest.raises(ContaError, match=rf"--config gives {key} 2 times.*give it once"):
        require_given_once(entries)


def test_a_group_may_be_given_in_pieces() -> None:
    require_given_once(["cam={epochs: 1}", "cam={crop: 64}", "rounds=1", "seed=1"])
    found = loaded("cam={epochs: 1}", "cam={crop: 64}")
    assert (found.cam.epochs, found.cam.crop) == (1, 64)


def test_the_home_of_a_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    config = {
        "dataset": {"name": "d", "format": "folder", "root": "~/photos"},
        "cam": {"weights": "~/w.safetensors"},
    }
    (found,) = load_experiments(config).values()
    assert found.dataset.root == "/home/me/photos"
    assert found.cam.weights == "/home/me/w.safetensors"
    assert found.irn.weights == "imagenet"


@pytest.mark.parametrize(
    "words",
    [
        ["-n", "--configfile", "a.yaml", "--cores", "1", "--configfile", "b.yaml"],
        ["--configfile=a.yaml", "--configfiles", "b.yaml"],
    ],
)
def test_files_after_one_option(words: list[str]) -> None:
    with pytest.raises(ContaError, match=r"--configfile is given twice.*--configfile A B"):
        require_one_configfile(words)
    require_one_configfile(["--configfile", "a.yaml", "b.yaml", "-n"])
