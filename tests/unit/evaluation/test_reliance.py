"""How far classes hang on context: the numbers, their file, and their place in a summary."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conta_core.errors import ContaError
from conta_core.evaluation.reliance import (
    ClassReliance,
    gather_reliance,
    read_reliance,
    write_reliance,
)


def content(**change: Any) -> dict[str, Any]:
    one = {"images": 1, "before": 0.9, "after": 0.2, "absent": 0.1}
    about = {"run": "r", "round": 0, "list": "train", "images": 1}
    return {**about, "classes": {"cat": one}, "mean": one, **change}


def test_means_by_class_and_over_classes() -> None:
    reliance = ClassReliance(3)
    reliance.add_image(np.array([0.9, 0.2, 0.4]), np.array([1.0, 0.0, 0.0]))
    reliance.add_image(np.array([0.1, 0.6, 0.2]), np.array([0.0, 1.0, 0.0]))
    for before, after in ((0.9, 0.5), (0.7, 0.1)):
        reliance.add_pair(0, before, after)
    reliance.add_pair(1, 0.6, 0.6)
    found = reliance.result(["cat", "dog", "emu"])
    assert found["classes"]["cat"] == pytest.approx(
        {"images": 2, "before": 0.8, "after": 0.3, "absent": 0.1}
    )
    assert found["classes"]["dog"] == pytest.approx(
        {"images": 1, "before": 0.6, "after": 0.6, "absent": 0.2}
    )
    emu = found["classes"]["emu"]
    assert (emu["images"], emu["before"], emu["after"]) == (0, None, None)
    assert emu["absent"] == pytest.approx(0.3)
    # each class once, however many images; one that was not asked not at all
    assert found["mean"] == pytest.approx(
        {"images": 3, "before": 0.7, "after": 0.45, "absent": 0.15}
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_reliance(tmp_path / "reliance.json", content())
    found = read_reliance(tmp_path / "reliance.json")
    assert {key: found[key] for key in content()} == content()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"classes": {"cat": {"images": 1}}}, "classes"),
        ({"mean": {**content()["mean"], "after": 1.5}}, "after"),
        ({"format_version": 9}, "version"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    path = tmp_path / "reliance.json"
    write_reliance(path, content())
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ContaError, match=named):
        read_reliance(path)


def test_rows_of_rounds(tmp_path: Path) -> None:
    paths: list[str | None] = [str(tmp_path / f"{index}.json") for index in range(2)]
    for index, (path, run) in enumerate(zip(paths, ("first", "r"), strict=True)):
        write_reliance(str(path), content(run=run, round=index))
    rows = gather_reliance(paths, "r", "first")
    assert [row["round"] for row in rows] == [0, 1]
    assert "run" not in rows[0]
    assert gather_reliance([None, None], "r") == []
    with pytest.raises(ContaError, match=r"0\.json: of run and round \('first', 0\), expected"):
        gather_reliance(paths, "r")
