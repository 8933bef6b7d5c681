from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from conta_core.stages.summarise import summarise


class Page(HTMLParser):
    """Collects the tags of a page and checks that they nest."""

    VOID = ("meta", "img")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_report_is_one_page_that_loads_nothing(run: dict[str, Any]) -> None:
    summarise(**run)
    text = Path(run["report"]).read_text()
    page = Page(text)
    assert page.open == []
    words = " ".join(page.words)
    for tag, attributes in page.found:
        assert tag not in ("script", "link", "iframe")
        for name in ("src", "href", "xlink:href"):
            address = attributes.get(name)
            assert address is None or address.startswith(("data:image/", "#"))
    assert "@import" not in text
    assert "prefers-color-scheme: dark" in text
    pictures = [attributes for tag, attributes in page.found if tag == "img"]
    # two tagged images: photograph and truth once, four pictures a round, M in round 0
    assert len(pictures) == 2 * (2 + 2 * 4 + 1)
    assert all(attributes["alt"] for attributes in pictures)
    assert "M for round 1" in words
    assert "<dog>" in words  # escaped in the file
    assert "masks & co" in words
    assert "threshold by round 0.35, 0.35 (best of all)" in words
    plots = [attributes for tag, attributes in page.found if tag == "svg"]
    assert len(plots) == 4
    assert all(attributes["aria-label"] for attributes in plots)


def test_report_is_the_same_again(run: dict[str, Any]) -> None:
    summarise(**run)
    first = Path(run["report"]).read_bytes()
    summarise(**run)
    assert Path(run["report"]).read_bytes() == first
