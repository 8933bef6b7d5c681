"""The files by which labelling tools say what numbers and colours of masks mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from conta_core.data.readers.label_maps import find_label_map, read_label_map
from conta_core.errors import ContaError

CVAT = "# label:color_rgb:parts:actions\nbackground:0,0,0::\nleaf:50,183,250::\nstem:250,50,83::\n"
MACHINE = '{"kiwi": [1, 1, 1], "lemon": [2, 2, 2]}'


def _write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.parametrize(
    ("name", "text", "by_value", "values", "colours"),
    [
        ("labelmap.txt", CVAT, {1: "leaf", 2: "stem"}, {0: 0, 1: 1, 2: 2}, {"32b7fa": 1}),
        # in another order, the background and what is ignored among the classes
        (
            "labelmap.txt", "leaf:1,2,3::\nbackground:0,128,0::\nvoid:9,9,9::\nstem:4,5,6::\n",
            {0: "leaf", 3: "stem"}, {0: 1, 1: 0, 2: 255, 3: 2}, {"008000": 1, "000000": 1},
        ),
        # without a background and without colours: VOC's
        ("labelmap.txt", "leaf:::\nstem\n", {1: "leaf", 2: "stem"}, {0: 0, 1: 1, 2: 2},
         {"800000": 1, "008000": 2}),
        ("class_names.txt", "_background_\ncat\ndog\n", {1: "cat", 2: "dog"}, {0: 0, 1: 1, 2: 2},
         {"800000": 1}),
        ("class_names.txt", "__ignore__\r\n_background_\r\ncat\r\n", {1: "cat"},
         {0: 0, 1: 1, 255: 255}, {"800000": 1}),
        ("class_names.txt", "\ufeffbackground\npotted  plant\n", {1: "potted plant"}, {0: 0, 1: 1},
         {"800000": 1}),
        ("colors.txt", "neutral 224 224 192\nkiwi 255 0 0\nred lemon 81 198 170\n",
         {2: "kiwi", 3: "red lemon"}, {0: 0, 1: 255, 2: 1, 3: 2}, {"e0e0c0": 1, "51c6aa": 3}),
        ("obj_class_to_machine_color.json", MACHINE, {1: "kiwi", 2: "lemon"}, {0: 0, 1: 1, 2: 2},
         {"020202": 2, "000000": 0}),
        ("_classes.csv", "Pixel Value, Class\n0, background\n1, cat\n2, dog\n",
         {1: "cat", 2: "dog"}, {0: 0, 1: 1, 2: 2}, {"800000": 1}),
        # one class as white
        ("_classes.csv", "Pixel Value,Class\n0,background\n255,cat\n", {255: "cat"},
         {0: 0, 255: 1}, {}),
    ],
)  # fmt: skip
def test_what_tools_write(
    name: str,
    text: str,
    by_value: dict[int, str],
    values: dict[int, int],
    colours: dict[str, int],
    tmp_path: Path,
) -> None:
    labels = read_label_map(_write(tmp_path, name, text))
    assert labels.names_by_value == by_value
    assert labels.mask_values(labels.classes) == values
    assert colours.items() <= labels.mask_colours().items()


def test_chosen_classes(tmp_path: Path) -> None:
    labels = read_label_map(_write(tmp_path, "labelmap.txt", CVAT))
    assert labels.mask_values(("stem",)) == {0: 0, 1: 255, 2: 1}


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("labelmap.txt", "leaf:1,2:::\n", "'1,2' is no colour"),
        ("labelmap.txt", "leaf:1,2,300::\n", "'1,2,300' is no colour"),
        ("labelmap.txt", "leaf:1,2,3::\nstem:1,2,3::\n", "the colour '1,2,3' stands twice"),
        ("labelmap.txt", "leaf:1,2,3::\nleaf:1,2,4::\n", "the name 'leaf' stands twice"),
        ("labelmap.txt", "background:0,0,0::\n", "names no class"),
        ("labelmap.txt", "".join(f"c{i}:::\n" for i in range(300)), "300 labels"),
        ("class_names.txt", "cat\ndog\n", "its first line is 'cat'"),
        ("class_names.txt", "", "its first line is ''"),
        ("_classes.csv", "id,name\n1,cat\n", "another first line"),
        ("_classes.csv", "Pixel Value,Class\none,cat\n", "invalid literal"),
        ("_classes.csv", "Pixel Value,Class\n1,cat\n1,dog\n", "the number '1' stands twice"),
        ("colors.txt", "kiwi 1 2\n", "no colour"),
        ("obj_class_to_machine_color.json", "[1]", "no object"),
        ("obj_class_to_machine_color.json", '{"kiwi": [1, 2, 3]}', "is not grey"),
        ("obj_class_to_machine_color.json", '{"kiwi": null}', "is no colour"),
        ("obj_class_to_machine_color.json", "[" * 100_000, "unreadable label map"),
    ],
)
def test_what_cannot_be_understood(name: str, text: str, found: str, tmp_path: Path) -> None:
    with pytest.raises(ContaError) as raised:
        read_label_map(_write(tmp_path, name, text))
    assert str(raised.value).startswith(str(tmp_path / name))
    assert found in str(raised.value)
    assert "expected" in str(raised.value)


def test_two_label_maps(tmp_path: Path) -> None:
    _write(tmp_path, "labelmap.txt", CVAT)
    _write(tmp_path, "class_names.txt", "_background_\nleaf\nstem\n")
    labels = find_label_map(tmp_path)
    assert labels is not None
    assert labels.path.name == "labelmap.txt"
    _write(tmp_path, "class_names.txt", "_background_\nstem\nleaf\n")
    with pytest.raises(ContaError, match=r"class_names.txt: names the classes stem, leaf, but .*"):
        find_label_map(tmp_path)
    assert find_label_map(tmp_path / "nowhere") is None
