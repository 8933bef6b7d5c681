"""Text on pictures: the font, which characters it has, and lines of a given width."""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache

from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.font_manager import FontProperties, fontManager, get_font

#: pixels an inch of every sheet; a point is a 72nd of an inch
DPI = 100
#: comes with matplotlib
FONT = "DejaVu Sans"
#: tried, where they are installed, for what that font lacks
FALLBACKS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans CJK KR",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "FreeSans",
)
#: a single text; class names may be of any length
MAX_CHARACTERS = 300


def font(size: float, bold: bool = False) -> FontProperties:
    """The font of every text.

    Args:
        size: in points.
        bold: or regular.
    """
    return FontProperties(family=list(_families()), size=size, weight="bold" if bold else "normal")


def line_height(size: float) -> int:
    """Pixels from one line to the next at a size in points."""
    return round(size * DPI / 72 * 1.3)


def printable(text: str) -> str:
    """A text on one line; characters that no font here can draw stand as their escapes."""
    if len(text) > MAX_CHARACTERS:
        half = MAX_CHARACTERS // 2
        text = f"{text[:half]}…{text[-half:]}"
    return "".join(one if _can_draw(one) else ascii(one)[1:-1] for one in text)


def text_width(text: str, size: float, bold: bool = False) -> float:
    """Pixels that a text of one line takes."""
    width, _, _ = _renderer().get_text_width_height_descent(text, font(size, bold), False)
    return float(width)


@lru_cache(maxsize=4096)
def wrapped(text: str, width: float, size: float, bold: bool = False) -> tuple[str, ...]:
    """A text as lines of at most ``width`` pixels; a word that is wider is cut into pieces."""
    lines: list[str] = []
    line = ""
    for word in printable(text).split(" "):
        longer = f"{line} {word}" if line else word
        if text_width(longer, size, bold) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        line = word
        while len(line) > 1 and text_width(line, size, bold) > width:
            cut = max(1, _fitting(line, width, size, bold))
            lines.append(line[:cut])
            line = line[cut:]
    return (*lines, line) if line else tuple(lines)


def shortened(
    text: str, width: float, size: float, most: int, *, bold: bool = False
) -> tuple[str, ...]:
    """The first ``most`` lines of a text; the last ends with … where more follows."""
    lines = wrapped(text, width, size, bold)
    if len(lines) <= most:
        return lines
    last = lines[most - 1]
    room = width - text_width("…", size, bold)
    return (*lines[: most - 1], last[: _fitting(last, room, size, bold)] + "…")


def _fitting(text: str, width: float, size: float, bold: bool) -> int:
    """How many of a text's first letters keep within a width."""
    counts = range(len(text) + 1)
    return max(0, bisect_right(counts, width, key=lambda n: text_width(text[:n], size, bold)) - 1)


@lru_cache
def _families() -> tuple[str, ...]:
    installed = {entry.name for entry in fontManager.ttflist}
    return (FONT, *(name for name in FALLBACKS if name in installed))


@lru_cache
def _characters() -> frozenset[int]:
    """Code points that some font here has."""
    found: set[int] = set()
    for name in _families():
        path = fontManager.findfont(FontProperties(family=name))
        found.update(get_font(path).get_charmap())
    return frozenset(found)


def _can_draw(character: str) -> bool:
    return character.isprintable() and ord(character) in _characters()


@lru_cache
def _renderer() -> RendererAgg:
    return RendererAgg(1, 1, DPI)
