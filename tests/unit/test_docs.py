"""The pages: what they name is there, and the numbers of README are those of the tables."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path
    for place in (".", "docs", "evidence", "profiles", "profiles/*")
    for path in REPOSITORY.glob(f"{place}/*.md")
)
PICTURES = sorted(
    path for path in (REPOSITORY / "docs" / "pictures").iterdir() if path.suffix in (".png", ".svg")
)
#: bytes of all pictures together
MOST_BYTES = 2_000_000
#: what the pages name by its path below the repository
FOLDERS = (
    "conta_core",
    "rules",
    "workflow_scripts",
    "tests",
    "configs",
    "docs",
    "evidence",
    "envs",
)


@cache
def text_of(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^( *)```.*?^\1```", "", page.read_text(), flags=re.S | re.M)


def links(page: Path) -> list[str]:
    """Targets of the links and pictures of a page, those on other servers left out."""
    text = re.sub(r"`[^`\n]*`", "", text_of(page))
    found = re.findall(r"\]\(([^)\s]+)(?: \"[^\"]*\")?\)", text)
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def target_of(page: Path, link: str) -> Path:
    """The file that a link of a page names."""
    path = unquote(link.partition("#")[0])
    return (page.parent / path).resolve() if path else page


@cache
def anchors(page: Path) -> frozenset[str]:
    """Names of the headings of a page, as GitHub makes them."""
    found: Counter[str] = Counter()
    names = set()
    for heading in re.findall(r"^#{1,6} +(.*?) *$", text_of(page), re.M):
        heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        name = re.sub(r"[^\w\- ]", "", heading).replace(" ", "-")
        names.add(f"{name}-{found[name]}" if found[name] else name)
        found[name] += 1
    return frozenset(names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        target = target_of(page, link)
        assert target.exists(), f"{page.name} names {link}, which is not there"
        anchor = link.partition("#")[2]
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{page.name} names {link}; no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_paths_and_modules_are_there(page: Path) -> None:
    """But for the changelog, which speaks of the past, and files that a reader is to write."""
    if page.name == "CHANGELOG.md":
        return
    written = set(re.findall(r"\*\*`(\S+\.py)`\*\*\n\n```python", page.read_text()))
    modules = tuple(path.removesuffix(".py").replace("/", ".") for path in written)
    words = re.findall(r"`([^`\s]+)`", text_of(page))
    for word in words:
        if word.partition("/")[0] in FOLDERS and re.fullmatch(r"[\w./-]+", word):
            there = word in written or (REPOSITORY / word).exists()
            assert there, f"{page.name} names {word}, which is not there"
    for name in set(re.findall(r"\bconta_core(?:\.\w+)+", page.read_text())):
        there = name.startswith(modules) if modules else False
        assert there or is_importable(name), f"{page.name} names {name}, which is not there"


def is_importable(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    try:
        import_module(name)
    except ModuleNotFoundError:
        module, _, attribute = name.rpartition(".")
        return hasattr(import_module(module), attribute)
    return True


def test_every_page_and_picture_is_named_by_a_page() -> None:
    named = {target_of(page, link) for page in PAGES for link in links(page)}
    pages = [path for path in PAGES if path.parent.name in ("docs", "evidence")]
    assert not {path.name for path in (*pages, *PICTURES) if path not in named}


def test_the_pictures_are_small() -> None:
    assert PICTURES
    assert sum(path.stat().st_size for path in PICTURES) < MOST_BYTES


def test_the_gains_in_readme_are_those_of_the_tables() -> None:
    tables = (REPOSITORY / "evidence" / "tables.md").read_text()
    section = text_of(REPOSITORY / "README.md").partition("## Does the causal step help?")[2]
    gains = re.findall(r"([+-][\d.]+) \(([+-]?[\d.]+) to ([+-]?[\d.]+)\)", section)
    assert len(gains) == 8
    for gain in gains:
        mean, low, high = (f"{float(number):+.1f}" for number in gain)
        assert f" {mean} [{low}, {high}]" in tables
