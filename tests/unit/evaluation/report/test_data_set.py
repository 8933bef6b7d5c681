from __future__ import annotations

from html_page import Page

from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest
from conta_core.evaluation.report.data_set import data_set_section
from conta_core.evaluation.report.templates import render_section

TAGS = {"a": ("cat", "dog"), "b": ("cat",), "c": (), "d": ("dog",), "e": ("cat", "dog")}


def manifest() -> Manifest:
    records = {
        name: ImageRecord(name, "", 10, 20 + place, tags, "m.png" if place else None)
        for place, (name, tags) in enumerate(TAGS.items())
    }
    lists = {"train": ("a", "b", "c"), "val": ("d", "e")}
    names = {"train": "train_aug", "val": "val"}
    return Manifest("pets", ("cat", "dog", "emu"), lists, names, records)


def test_section() -> None:
    page = Page(render_section(data_set_section(manifest())))
    words = " ".join(page.words)
    assert 'training list "train_aug": 3 images, 2 with masks, 1 without a tag' in words
    assert "20 x 10 to 24 x 10 pixels" in words
    assert "cat 2 66.7 1 50.0" in words
    assert "class cat dog emu cat 2 1 0 dog 1 1 0 emu 0 0 0" in words
    assert "The same for the validation list" in words
    # half of the cats' images have a dog, all of the dogs' a cat
    cells = [one["style"] for one in page.tags("td") if one.get("class") == "shaded"]
    assert cells[6:8] == ["--share:0.50", "--share:1.00"]
