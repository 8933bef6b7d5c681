from __future__ import annotations

from pathlib import Path

import pytest

from conta_core.comparison.publish import BEGIN, END, publish
from conta_core.errors import ContaError

MADE = "# Comparison\n\nWords.\n\n## Round 2\n\n| a | b |\n|---|---:|\n| 1 | 2 |\n"


def write(folder: Path, page: str) -> tuple[Path, Path]:
    (folder / "made.md").write_text(MADE)
    (folder / "page.md").write_text(page)
    return folder / "made.md", folder / "page.md"


def test_tables_take_the_place_of_the_old_ones(tmp_path: Path) -> None:
    tables, page = write(tmp_path, f"# Page\n\nBefore.\n\n{BEGIN}\nold\n{END}\n\nAfter.\n")
    publish(tables, page)
    once = page.read_text()
    assert once == (
        f"# Page\n\nBefore.\n\n{BEGIN}\n\nWords.\n\n### Round 2\n\n"
        f"| a | b |\n|---|---:|\n| 1 | 2 |\n\n{END}\n\nAfter.\n"
    )
    publish(tables, page)
    assert page.read_text() == once


@pytest.mark.parametrize("page", ["", BEGIN, f"{END} {BEGIN}", f"{BEGIN} {BEGIN} {END}"])
def test_a_page_without_a_place(tmp_path: Path, page: str) -> None:
    tables, path = write(tmp_path, page)
    with pytest.raises(ContaError, match="expected once"):
        publish(tables, path)
    assert path.read_text() == page


def test_tables_that_are_not_there(tmp_path: Path) -> None:
    _, page = write(tmp_path, f"{BEGIN} {END}")
    with pytest.raises(ContaError, match=r"none\.md: No such file"):
        publish(tmp_path / "none.md", page)


def test_the_page_of_the_evidence_has_a_place() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "evidence.md").read_text()
    assert text.count(BEGIN) == text.count(END) == 1
