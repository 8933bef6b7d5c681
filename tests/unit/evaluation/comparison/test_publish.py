from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from conta_core.errors import ContaError
from conta_core.evaluation.comparison.publish import marks, publish

BEGIN, END = marks("made")
MADE = "# Comparison\n\nWords.\n\n## Round 2\n\n| a | b |\n|---|---:|\n| 1 | 2 |\n"


def write(folder: Path, page: str) -> tuple[Path, Path]:
    (folder / "made").mkdir()
    (folder / "made" / "comparison.md").write_text(MADE)
    (folder / "page.md").write_text(page)
    return folder / "made" / "comparison.md", folder / "page.md"


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


def test_tables_of_other_comparisons_stay(tmp_path: Path) -> None:
    begin, end = marks("other")
    page = f"{begin}\nother\n{end}\n{BEGIN}\n{END}\n"
    tables, path = write(tmp_path, page)
    publish(tables, path)
    text = path.read_text()
    assert text.startswith(f"{begin}\nother\n{end}\n{BEGIN}\n\nWords.")


@pytest.mark.parametrize("page", ["", BEGIN, f"{END} {BEGIN}", f"{BEGIN} {BEGIN} {END}"])
def test_a_page_without_a_place(tmp_path: Path, page: str) -> None:
    tables, path = write(tmp_path, page)
    with pytest.raises(ContaError, match="expected once"):
        publish(tables, path)
    assert path.read_text() == page


def test_tables_that_are_not_there(tmp_path: Path) -> None:
    _, page = write(tmp_path, f"{BEGIN} {END}")
    with pytest.raises(ContaError, match=r"none\.md: No such file"):
        publish(tmp_path / "made" / "none.md", page)


ROOT = Path(__file__).resolve().parents[4]
#: the page of evidence/ that shows the tables of each recipe
PAGES = {
    path: "variants"
    if path.name == "variants.yaml" or path.name.startswith("ablation_")
    else "tables"
    for path in [ROOT / "configs" / "evidence.yaml", *(ROOT / "configs" / "evidence").iterdir()]
}


@pytest.mark.parametrize("recipe", PAGES, ids=lambda path: path.stem)
def test_every_recipe_has_a_place_and_a_target(recipe: Path) -> None:
    name = yaml.safe_load(recipe.read_text())["comparison"]["name"]
    text = (ROOT / "evidence" / f"{PAGES[recipe]}.md").read_text()
    assert [text.count(mark) for mark in marks(name)] == [1, 1]
    made = "ablation-$*" if name.startswith("ablation-") else name
    assert f"$(call publish,{made},{PAGES[recipe]})" in (ROOT / "Makefile").read_text()
