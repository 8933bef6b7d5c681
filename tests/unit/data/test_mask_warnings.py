"""Masks that contradict the tags: told, with images and the mend."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest, mask_values_of
from conta_core.data.mask_warnings import mask_warnings

CLASSES = ("cat", "dog", "owl")


def told(
    tags: Mapping[str, str], found: Mapping[str, set[int]], classes: tuple[str, ...] = CLASSES
) -> str:
    images = {
        i: ImageRecord(i, f"{i}.jpg", 4, 4, tuple(c for c in classes if c in names), f"{i}.png")
        for i, names in tags.items()
    }
    lists = {"train": tuple(images), "val": ()}
    names = {"train": "train", "val": "val"}
    values = mask_values_of(classes, classes)
    return "\n".join(
        mask_warnings(Manifest("m", classes, lists, names, images, "masks", values), found)
    )


def test_masks_that_agree_are_passed_over() -> None:
    tags = {"a": "cat", "b": "dog cat", "c": "", "d": "owl"}
    # a tag may be hidden, a pixel may be ignored, a validation image may hold nothing
    assert told(tags, {"a": {0, 1}, "b": {0, 2, 255}, "c": {0}}) == ""


@pytest.mark.parametrize("found", [{0, 255}, {255}])
def test_the_ignored_value_for_a_class(found: set[int]) -> None:
    text = told({"a": "cat", "b": "cat"}, {"a": found, "b": found}, ("cat",))
    assert text.startswith("2 of 2 masks hold none of their image's tags: a, b; they hold 255")
    assert "(cat is 1)" in text


def test_background_alone() -> None:
    text = told({"a": "cat", "b": "dog"}, {"a": {0}, "b": {0, 2}})
    assert "1 of 2 masks hold none of their image's tags: a; they hold background alone" in text
    assert "(cat is 1, owl 3)" in text


@pytest.mark.parametrize(
    ("order", "named"),
    [((2, 1, 3), "dog, cat, owl"), ((3, 1, 2), "dog, owl, cat"), ((3, 2, 1), "owl, dog, cat")],
)
def test_another_order_of_the_classes(order: tuple[int, ...], named: str) -> None:
    tags = {"a": "cat", "b": "dog", "c": "owl", "d": "cat dog", "e": "cat"}
    value = dict(zip(CLASSES, order, strict=True))
    found = {i: {0, *(value[name] for name in names.split())} for i, names in tags.items()}
    assert f"with dataset.classes: [{named}]" in told(tags, found)


def test_a_class_that_no_mask_has_keeps_a_place() -> None:
    text = told({"a": "cat", "b": "dog"}, {"a": {0, 2}, "b": {0, 1}})
    assert "with dataset.classes: [dog, cat, owl]" in text


def test_no_order_is_named_where_none_helps() -> None:
    tags = {"a": "cat", "b": "dog", "c": "owl"}
    text = told(tags, {"a": {0, 2}, "b": {0, 3}, "c": {0, 2}})
    assert "mend the tags, or the order of dataset.classes" in text
    assert "with dataset.classes" not in text


def test_classes_without_a_tag() -> None:
    text = told({"a": "cat", "b": "dog"}, {"a": {0, 1, 2}, "b": {0, 2, 3}})
    assert "2 of 2 masks hold classes that their image is not tagged with" in text
    assert "dog (1), owl (1): a, b; add the tags" in text


def test_values_that_no_tag_has() -> None:
    """Of a folder whose classes are its tags, masks may hold more."""
    images = {i: ImageRecord(i, f"{i}.jpg", 4, 4, ("cat",), f"{i}.png") for i in "ab"}
    values = dict.fromkeys(range(255), 255) | {0: 0, 1: 1}
    lists, names = {"train": ("a", "b"), "val": ()}, {"train": "t", "val": "v"}
    manifest = Manifest("m", ("cat",), lists, names, images, "masks", values)
    text = "\n".join(mask_warnings(manifest, {"a": {0, 1, 255}, "b": {0, 2, 5}}))
    assert text.startswith("1 of 2 masks hold the values [2, 5], which no tag has: b; they are")
    assert "name all classes of the masks in dataset.classes" in text


def test_a_few_are_named() -> None:
    ids = [f"i{n}" for n in range(9)]
    text = told(dict.fromkeys(ids, "cat"), {i: {0} for i in ids})
    assert "9 of 9" in text
    assert "i0, i1, i2, i3, i4, ...;" in text
