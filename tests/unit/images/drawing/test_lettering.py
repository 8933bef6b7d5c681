from __future__ import annotations

import pytest

from conta_core.images.drawing.lettering import printable, shortened, text_width, wrapped

LONG = "a name that goes on and on, further than a caption holds it"


def test_lines_keep_within_their_width_and_lose_nothing() -> None:
    lines = wrapped(LONG, 90, 9)
    assert len(lines) > 3
    assert all(text_width(line, 9) <= 90 for line in lines)
    assert " ".join(lines) == LONG


def test_a_word_without_spaces_is_cut() -> None:
    lines = wrapped("x" * 60, 90, 9, bold=True)
    assert "".join(lines) == "x" * 60
    assert all(text_width(line, 9, bold=True) <= 90 for line in lines)


def test_a_shortened_text_says_so() -> None:
    assert shortened("cat", 90, 9, 2) == ("cat",)
    lines = shortened(LONG, 90, 9, 2)
    assert len(lines) == 2
    assert lines[1].endswith("…")
    assert all(text_width(line, 9) <= 90 for line in lines)


@pytest.mark.parametrize("size", [1.0, 30.0])
def test_narrower_than_a_letter(size: float) -> None:
    assert "".join(wrapped("abc", 0, size)) == "abc"
    assert shortened("abc", 0, size, 1) == ("…",)


def test_characters_that_cannot_be_drawn_stand_as_escapes() -> None:
    assert printable("Füße, κόσμος, кот") == "Füße, κόσμος, кот"
    assert printable("a\nb\tc\x1b[31m") == r"a\nb\tc\x1b[31m"
    assert printable("\ud800") == r"\ud800"  # half of a pair, as json may hold it
    assert printable("\U000f0000") == r"\U000f0000"  # no font has it
    assert len(printable("x" * 5000)) < 400
