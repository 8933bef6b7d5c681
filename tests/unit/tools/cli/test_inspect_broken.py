from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from inspecting import as_json, edit, inspect, refused
from small_stores import IDS, write_small


@pytest.mark.parametrize(
    ("change", "line", "problem"),
    [
        (lambda f: f.attrs.modify("complete", False), "complete           no", "is not complete"),
        (
            lambda f: f.attrs.modify("format_version", 1),
            "format version     1  (this version of Conta reads 3)",
            "format version 1, expected 3",
        ),
        (lambda f: f.attrs.pop("classes"), "classes            cannot be read", "'classes'"),
        (
            lambda f: f.attrs.create("settings", "of variable length"),
            "settings           cannot be read",
            "its structure cannot be read",
        ),
    ],
)
def test_what_a_store_that_is_not_read_says(
    tmp_path: Path, change: Callable[[h5py.File], None], line: str, problem: str
) -> None:
    path = edit(write_small(tmp_path / "cams.h5", "cams"), change)
    result = inspect(path)
    assert problem in str(result.exception)
    assert line in result.stdout.splitlines()
    assert "run                r" in result.stdout.splitlines()
    found = json.loads(inspect(path, "--json").stdout)
    assert problem in found["problem"]
    assert found["what"] == "CAMs (conta-cams)"


def test_a_store_that_is_cut_off(tmp_path: Path) -> None:
    path = write_small(tmp_path / "cams.h5", "cams")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    message = refused(path)
    assert (
        f"cut off: it has {len(content) // 2:,} bytes, its header says {len(content):,}" in message
    )
    assert "delete it and let the workflow make it again" in message
    path.write_bytes(b"")
    assert "does not begin as an HDF5 file (0 bytes)" in refused(path)


def test_changed_bytes(tmp_path: Path) -> None:
    path = write_small(tmp_path / "cams.h5", "cams")
    with h5py.File(path) as file:
        place = file[IDS[1]]["high_res"].id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[place + 7] ^= 255
    path.write_bytes(content)
    assert as_json(path)["checksums"] == "not checked"
    result = inspect(path, "--check")
    assert "checksums          wrong  (1 of 12 arrays)" in result.stdout
    assert f"{IDS[1]}/high_res cannot be read" in result.stdout
    assert "1 of 12 arrays cannot be read, expected all" in str(result.exception)


def test_files_of_somebody_else(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w", libver="v110") as file:
        file["x"] = np.zeros(3)
    assert "no store of Conta: its format is None" in refused(tmp_path / "a.h5")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["x"] = np.zeros(3)
    assert "its superblock is of version 0, expected 3" in refused(tmp_path / "b.h5")
    (tmp_path / "c.txt").write_text("text")
    assert "nothing that the workflow writes; name a store" in refused(tmp_path / "c.txt")
    (tmp_path / "d.json").write_text('{"format": "other"}')
    assert "its format is 'other', expected one of conta-dataset" in refused(tmp_path / "d.json")
    (tmp_path / "e.json").write_text("{")
    assert "no readable JSON" in refused(tmp_path / "e.json")
    (tmp_path / "e.safetensors").write_text("{")
    assert "not a model file" in refused(tmp_path / "e.safetensors")
    assert "a folder without masks or a run in it" in refused(tmp_path)
