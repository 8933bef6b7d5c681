"""The label maps of labelling tools."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzzing import fuzz, json_files, mutated, refuses_or_reads_file
from hypothesis import given
from hypothesis import strategies as st

from conta_core.data.readers.label_maps import read_label_map

pytestmark = pytest.mark.slow

LABELMAP = b"# label:color_rgb:parts:actions\nbackground:0,0,0::\nleaf:50,183,250::\nstem:::\n"
CLASS_NAMES = b"__ignore__\n_background_\ncat\ndog\n"
COLOURS = b"neutral 224 224 192\nkiwi 255 0 0\nred lemon 81 198 170\n"
CLASSES = b"Pixel Value, Class\r\n0, background\r\n1, cat\r\n255, dog\r\n"
MACHINE = {"kiwi": [1, 1, 1], "lemon": [2, 2, 2]}


def read(path: Path) -> None:
    labels = read_label_map(path)
    assert labels.classes
    assert len({*labels.classes}) == len(labels.classes)
    for value, meant in labels.mask_values(labels.classes).items():
        assert 0 <= value <= 255
        assert 0 <= meant <= 255
    assert all(len(code) == 6 for code in labels.mask_colours())


@fuzz
@given(
    kind=st.sampled_from(["labelmap.txt", "class_names.txt", "colors.txt", "_classes.csv"]),
    data=mutated(LABELMAP, CLASS_NAMES, COLOURS, CLASSES),
)
def test_lines(tmp_path: Path, kind: str, data: bytes) -> None:
    refuses_or_reads_file(tmp_path / kind, data, read)


@fuzz
@given(data=json_files(MACHINE))
def test_machine_colours(tmp_path: Path, data: bytes) -> None:
    refuses_or_reads_file(tmp_path / "obj_class_to_machine_color.json", data, read)
