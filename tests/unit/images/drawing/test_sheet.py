from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conta_core.errors import ContaError
from conta_core.images.drawing.blocks import ColourBar, Grid, Heading, Legend
from conta_core.images.drawing.cells import (
    Bar,
    absent,
    bar_chart,
    fit,
    fit_exactly,
    picture,
    shown_size,
)
from conta_core.images.drawing.label_colours import LegendEntry
from conta_core.images.drawing.sheet import MARGIN, Block, draw_sheet, write_sheet

ODD = ("$x^2$", r"$\frac{", "_hidden", "<b>&amp;", "a\nb", "%s {0}", "\u540d\u524d", "", "x" * 900)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def written(path: Path, blocks: list[Block]) -> np.ndarray:
    write_sheet(draw_sheet(blocks), path)
    with Image.open(path) as image:
        return np.array(image.convert("RGB"))


def test_pictures_are_there_pixel_by_pixel(tmp_path: Path) -> None:
    first, second = noise(50, 300), noise(70, 280)[:, ::-1]
    sheet = written(tmp_path / "a.png", [Grid([picture(first, ""), picture(second, "")], 2)])
    np.testing.assert_array_equal(sheet[MARGIN : MARGIN + 50, MARGIN : MARGIN + 300], first)
    left = MARGIN + 300 + 12
    np.testing.assert_array_equal(sheet[MARGIN : MARGIN + 70, left : left + 280], second)


def test_nothing_reaches_the_margin(tmp_path: Path) -> None:
    cells = [picture(noise(40, 100), name, note=f"{name} 12 %") for name in ODD]
    chart = bar_chart([Bar(name, i / 9, i % 2 == 0) for i, name in enumerate(ODD)], "alphas", "n")
    blocks: list[Block] = [
        Heading(" ".join(ODD), 11, bold=True),
        Grid([*cells, chart, absent((40, 100), ODD[-1], ODD[-1][:60])], 4),
        Legend([LegendEntry((1, 2, 3), name) for name in ODD * 9]),
        ColourBar(ODD[-1], -1e-7, 123456789.0),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a glyph that is missing is a warning of matplotlib's
        sheet = written(tmp_path / "a.png", blocks)
    edges = np.ones(sheet.shape[:2], bool)
    edges[MARGIN - 2 : 2 - MARGIN, MARGIN - 2 : 2 - MARGIN] = False
    assert (sheet[edges] == 255).all()
    assert (sheet != 255).any()


def test_texts_are_taken_literally() -> None:
    figure = draw_sheet([Grid([picture(noise(9, 400), "$x^2$", "_hidden")], 1)])
    texts = figure.axes[0].texts
    assert [text.get_text() for text in texts] == ["$x^2$", "_hidden"]
    assert not any(text.get_parse_math() for text in texts)


@pytest.mark.parametrize("kind", ["png", "pdf", "svg"])
def test_the_same_bytes_again(tmp_path: Path, kind: str) -> None:
    blocks: list[Block] = [
        Heading("heading"),
        Grid([picture(noise(30, 30), "title")], 1),
        ColourBar("bar", 0, 1),
    ]
    paths = [tmp_path / f"{name}.{kind}" for name in "ab"]
    for path in paths:
        write_sheet(draw_sheet(blocks), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert len(paths[0].read_bytes()) > 1000


def test_a_users_own_matplotlib_settings_change_nothing(tmp_path: Path) -> None:
    import matplotlib

    blocks: list[Block] = [Heading("heading"), Grid([picture(noise(30, 30), "title")], 1)]
    write_sheet(draw_sheet(blocks), tmp_path / "a.png")
    own = {"savefig.bbox": "tight", "font.size": 30, "text.color": "red", "axes.facecolor": "blue"}
    with matplotlib.rc_context(own):
        write_sheet(draw_sheet(blocks), tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_picture_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"before")
    figure = draw_sheet([Heading("x")])

    def fail(*args: object, **options: object) -> None:
        Path(str(args[0])).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(figure, "savefig", fail)
        with pytest.raises(ContaError, match=r"a\.png: cannot be written \(No space left"):
            write_sheet(figure, path)
    assert path.read_bytes() == b"before"
    write_sheet(figure, path)
    assert path.read_bytes()[1:4] == b"PNG"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["a.bmp", "a", "folder.png"])
def test_names_that_are_no_picture(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ContaError, match=r"expected one of \.png|a folder, expected the name"):
        write_sheet(draw_sheet([Heading("x")]), tmp_path / name)


@pytest.mark.parametrize(
    ("size", "side", "expected"),
    [
        ((96, 96), None, (288, 288)),
        ((128, 64), None, (384, 192)),
        ((375, 500), None, (360, 480)),
        ((1000, 750), None, (480, 360)),
        ((1, 3000), None, (1, 480)),
        ((100, 50), 1000, (1000, 500)),
    ],
)
def test_shown_sizes(size: tuple[int, int], side: int | None, expected: tuple[int, int]) -> None:
    assert shown_size(size, side) == expected


@pytest.mark.parametrize("factor", [3, 0.5])
def test_maps_and_labels_stay_in_place_when_resized(factor: float) -> None:
    labels = np.zeros((40, 60), np.uint8)
    labels[10:20, 30:50] = 1
    size = (round(40 * factor), round(60 * factor))
    rows, columns = np.nonzero(fit_exactly(labels, size))
    assert (rows.min(), rows.max() + 1) == (10 * factor, 20 * factor)
    assert (columns.min(), columns.max() + 1) == (30 * factor, 50 * factor)
    smooth = fit(labels.astype(np.float32), size)
    middle = [
        float(np.average(np.arange(n) + 0.5, weights=smooth.sum(axis=axis)))
        for axis, n in ((1, size[0]), (0, size[1]))
    ]
    assert middle == pytest.approx([15 * factor, 40 * factor])


def test_labels_are_not_shifted_to_a_side() -> None:
    labels = np.random.default_rng(0).integers(0, 21, (51, 71), dtype=np.uint8)
    smaller = fit_exactly(labels, (33, 47))
    np.testing.assert_array_equal(fit_exactly(labels[::-1, ::-1], (33, 47)), smaller[::-1, ::-1])


def test_bars_are_as_long_as_their_values() -> None:
    bars = [Bar("cat", 0.5, marked=True), Bar("dog", 0.25)]
    figure = draw_sheet([Grid([bar_chart(bars, "alphas")], 1)])
    axis, widths = figure.axes[0], []
    for patch in axis.patches:
        if patch.get_height() == 12:  # a bar; the others are frames and the axis
            widths.append(patch.get_width())
    assert widths[0] == pytest.approx(2 * widths[1])
    bold = {t.get_text() for t in axis.texts if t.get_fontproperties().get_weight() == "bold"}
    assert bold == {"alphas", "cat"}
