from __future__ import annotations

import pytest
from html_page import Page
from jinja2 import UndefinedError

from conta_core.evaluation.report.pieces import Section, Shaded, Table
from conta_core.evaluation.report.templates import FOLDER, render, render_section, template


def test_every_template_can_be_read() -> None:
    pages = sorted(path.name for path in FOLDER.glob("*.html"))
    assert "page.html" in pages
    assert [template(name).name for name in pages] == pages


def test_a_value_that_is_not_given_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="words"):
        render("comparison.html", title="", sections=[])


def test_table() -> None:
    rows = [["<class>", "round 0", "gain"], ["a & b", Shaded("1.5", 0.25), "-"]]
    table = Table("of <b>", rows, groups=[("", 1), ("CAMs", 2)])
    text = render_section(Section("one", "One", "comparison_part.html", {"parts": [table]}))
    page = Page(text)
    assert not page.open
    assert page.words == [
        "One",
        "of <b>",
        "CAMs",
        "<class>",
        "round 0",
        "gain",
        "a & b",
        "1.5",
        "-",
    ]
    assert page.tags("td") == [
        {"colspan": "1"},
        {"class": "start shaded", "style": "--share:0.25"},
        {},
    ]
    assert [one.get("class") for one in page.tags("th")] == ["start", "text", "start", None, "text"]
    assert [one["scope"] for one in page.tags("th")] == ["colgroup", *["col"] * 3, "row"]
