"""The ids of images that people name as they like."""

from __future__ import annotations

import unicodedata
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conta_core.data.image_ids import MAX_NAME_LENGTH, given_id, image_id_of, is_image_id
from conta_core.errors import ContaError


@pytest.mark.parametrize("name", ["2007_000032", "COCO_train2014_000000000009", "a.b-c"])
def test_what_can_be_an_id_is_its_own(name: str) -> None:
    assert image_id_of(name, "here") == name


@pytest.mark.parametrize(
    ("name", "readable"),
    [
        ("IMG 001 (2)", "IMG_001_2-"),
        ("Küche", "Kuche-"),
        ("猫", "image-"),
        ("trip/day 1/photo", "trip_day_1_photo-"),
        ("a..b", "a.b-"),
        ("._hidden", "hidden-"),
        ("x" * 300, "x" * 60 + "-"),
    ],
)
def test_another_name_stays_readable(name: str, readable: str) -> None:
    found = image_id_of(name, "here")
    assert found.startswith(readable)
    assert is_image_id(found)


def test_composed_and_decomposed_letters_are_one_name() -> None:
    composed, decomposed = (unicodedata.normalize(form, "Küche") for form in ("NFC", "NFD"))
    assert composed != decomposed
    assert image_id_of(composed, "here") == image_id_of(decomposed, "here")


def test_names_that_differ_have_ids_that_differ() -> None:
    names = ["a b", "a  b", "a_b ", "a/b", "a(b", "A b", "ä b"]
    assert len({image_id_of(name, "here") for name in names}) == len(names)


@pytest.mark.parametrize(
    "name",
    ["", " ", "a\nb", "a\0b", "../a b", "a b/../c", "/etc/a b", "a\udcffb", " b" * MAX_NAME_LENGTH],
)
def test_what_is_no_file_name_is_refused(name: str) -> None:
    with pytest.raises(ContaError, match=r"^tags.csv, line 2: image name .*rename the image"):
        image_id_of(name, "tags.csv, line 2")


@given(st.text(max_size=400))
def test_any_text_gives_an_id_or_one_clear_message(name: str) -> None:
    with suppress(ContaError):
        assert is_image_id(image_id_of(name, "here"))


def test_an_image_is_named_by_its_id_or_by_its_name() -> None:
    found = image_id_of("IMG 001 (2)", "here")
    assert given_id("IMG 001 (2)") == given_id(found) == found
    assert given_id("../up") == "../up"
