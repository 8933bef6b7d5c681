"""A key that a file gives twice is refused, wherever it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from conta_core.errors import ContaError
from conta_core.settings.load import read_config
from conta_core.settings.single_keys import require_single_keys

REPOSITORY = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("cam: {epochs: 1}\nrounds: 2\ncam: {crop: 64}\n", "cam is given twice, in line 1 and in"),
        ("cam:\n  epochs: 1\n  crop: 64\n  epochs: 2\n", "cam.epochs is given twice"),
        ("runs:\n  a:\n    cam: {epochs: 1, epochs: 2}\n", "runs.a.cam.epochs is given twice"),
        ('{"rounds": 1,\n "rounds": 2}', "rounds is given twice, in line 1 and in line 2"),
        ("levels:\n- {seeds: 1, seeds: 2}\n", "levels.seeds is given twice"),
    ],
)  # fmt: skip
def test_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ContaError) as error:
        read_config(path)
    assert str(error.value).startswith(f"{path}: ")
    assert told in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "a: {cam: 1}\nb: {cam: 2}\n",
        "- {a: 1}\n- {a: 2}\n",
        "base: &b {x: 1}\none: {<<: *b, y: 2}\ntwo: *b\n",
        "a: &a\n  b: *a\n",
        "",
        "cam: [unclosed",
    ],
)
def test_passed_over(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    require_single_keys(path)
    require_single_keys(tmp_path / "none.yaml")


def test_every_recipe_of_the_project() -> None:
    for path in (REPOSITORY / "config.yaml", *(REPOSITORY / "configs").rglob("*.yaml")):
        require_single_keys(path)
