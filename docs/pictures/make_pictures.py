"""The pictures of README.md and docs/, drawn from the results of the demo: ``make pictures``.

Each picture is a function of :data:`PICTURES`; the name of its file is the key. The same results
give the same bytes. Name pictures on the command line to draw only these.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch
from PIL import Image
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from conta_core.causal.intervention.object_masks import object_masks
from conta_core.causal.intervention.ownership import read_taken
from conta_core.causal.intervention.recombination import Intervention
from conta_core.data.manifest import Manifest
from conta_core.data.synthetic.context_shapes import CLASSES, CONTEXTS, make_context_shapes
from conta_core.evaluation.store_kinds.images import open_images
from conta_core.evaluation.store_kinds.labels import LabelKind
from conta_core.evaluation.store_kinds.maps import MapKind
from conta_core.evaluation.store_kinds.registry import KINDS
from conta_core.images.drawing.blocks import Grid, Heading, Legend
from conta_core.images.drawing.cells import Cell, fit, fit_exactly, picture
from conta_core.images.drawing.colour_maps import greyed, heat_over
from conta_core.images.drawing.label_colours import colour_labels, label_legend
from conta_core.images.drawing.lettering import line_height
from conta_core.images.drawing.sheet import INK, SOFT, Block, Canvas, draw_sheet, write_sheet
from conta_core.images.masks import read_label_png
from conta_core.images.photographs import read_image
from conta_core.settings import ImageCounts
from conta_core.settings.load import load_experiments, read_config
from conta_core.tools.cli.status_table import status_table
from conta_core.tools.status.find_run import find_run
from conta_core.tools.status.run_status import read_status
from conta_core.workflow.run_folders import round_file, round_folder, rounds_there
from conta_core.workflow.stages import STORE_FILES

ROOT = Path(__file__).resolve().parents[2]
PICTURES_FOLDER = ROOT / "docs" / "pictures"
#: of the demo, below the root
RUN = Path("results/context-shapes")
#: the training image that is followed through the rounds
FOLLOWED = "train_000274"
#: side of a picture on a sheet of five columns, 850 pixels wide
SIDE = 160
#: images of context-shapes that are shown at each confounding
SHOWN = 5
#: training images of which views of the intervention are shown, and the number of the view
INTERVENED, VIEW = ("train_000114", "train_000168"), 2
#: columns of the tables of the evidence -> how the plot calls them
MEASURES = {
    "pseudo-masks, train": "pseudo-masks, training list",
    "segmentation model, val": "segmentation, validation list",
}
#: arm -> its place beside the other, its colour
ARMS = {"conta": (-0.2, "#8a9ba8"), "intervention": (0.2, "#b8650a")}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main(names: Sequence[str]) -> None:
    """Draw the named pictures, or all."""
    # the paths of dataset.json are relative to the root
    os.chdir(ROOT)
    for name in names or PICTURES:
        path = PICTURES_FOLDER / name
        PICTURES[name](path)
        if path.suffix == ".png" and path.exists():
            shrink(path)
        if path.exists():
            print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")


def shrink(path: Path) -> None:
    """Keep 256 colours of a PNG, and no more bytes than it needs."""
    with Image.open(path) as image:
        small = image.convert("RGB").quantize(
            256, Image.Quantize.MEDIANCUT, 3, dither=Image.Dither.NONE
        )
    small.save(path, optimize=True)


class Followed:
    """One training image, and what the rounds made of it."""

    def __init__(self, image_id: str = FOLLOWED) -> None:
        self.manifest = Manifest.load(RUN / "dataset.json")
        self.id, self.record = image_id, self.manifest.images[image_id]
        self.image = read_image(self.record.image)
        self.masks: list[np.ndarray] = []

    def pixels(self, kind: str, index: int, size: tuple[int, int]) -> np.ndarray:
        """The photograph, or what a kind of store has of it in a round.

        Args:
            kind: of the store, or "image".
            index: of the round.
            size: height and width of the result, uint8 RGB.

        Maps lie over the grey photograph. Masks are kept for the legend.
        """
        if kind == "image":
            return fit(self.image, size)
        path = round_file(round_folder(RUN, index), STORE_FILES[kind])
        with open_images(path, kind, [self.id], self.manifest.classes) as images:
            stored, reader = images.image(self.id), KINDS[kind]
            if isinstance(reader, MapKind):
                values = fit(reader.strongest(stored).values, size)
                return heat_over(greyed(fit(self.image, size)), values)
            if isinstance(reader, LabelKind):
                return self.mask(reader.as_labels(stored), size)
        raise ValueError(f"{kind} is neither maps nor masks")

    def mask(self, labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """A mask in the palette, uint8 RGB of a height and width."""
        self.masks.append(labels)
        return colour_labels(fit_exactly(labels, size))


def rounds(path: Path) -> None:
    """One image in the first and in the last round: the strip at the top of README.md."""
    followed, size = Followed(), (SIDE, SIDE)
    tags = ", ".join(followed.record.tags)
    truth = followed.mask(followed.manifest.read_mask(followed.id), size)
    starts = [
        picture(followed.pixels("image", 0, size), "image", f"tags: {tags}"),
        picture(truth, "ground truth", "only for the scores"),
    ]
    columns = {
        "cams": "CAM",
        "refined": "refined CAM",
        "pseudo_masks": "pseudo-mask",
        "train_masks": "prediction",
    }
    blocks: list[Block] = []
    for start, index in zip(starts, (0, rounds_there(RUN)[-1]), strict=True):
        cells = [
            picture(followed.pixels(kind, index, size), title) for kind, title in columns.items()
        ]
        blocks.append(Heading(f"Round {index}", 12, bold=True))
        blocks.append(Grid([start, *cells], len(cells) + 1))
    legend = Legend(label_legend(followed.masks, followed.manifest.class_names))
    write_sheet(draw_sheet([*blocks, legend]), path)


#: width of a box of the diagram, and what lies between two
BOX, BETWEEN = 144, 22
THUMBNAIL = 84
#: row of the diagram -> top and height of its boxes
ROWS = {0: (40, 142), 1: (208, 142), 2: (404, 92), 3: (538, 76)}
#: row and column -> title, stages, and lines of text or the key of what is shown
BOXES = {
    (0, 0): ("images and tags", "index_dataset", "image"),
    (0, 1): ("train classifier", "train_cam", "it learns the tags|and gives CAMs"),
    (0, 2): ("CAMs", "extract_cams", "cams"),
    (0, 3): ("IR labels", "make_irn_labels", "labels"),
    (0, 4): ("train IRN", "train_irn", "it learns where|objects end"),
    (1, 4): ("random walk", "refine_cams", "refined"),
    (1, 3): ("pseudo-masks", "make_pseudo_masks", "pseudo_masks"),
    (1, 2): ("train DeepLab", "train_deeplab", "the segmentation|model learns the|pseudo-masks"),
    (1, 1): ("predictions", "predict_train_masks", "train_masks"),
    (1, 0): ("scores, report", "evaluate_*, summarise", "of all the maps and|masks, by round"),
    (2, 1): ("confounder set", "build_confounders", "the average mask|of each class"),
    (2, 2): ("context M", "deconfound", "attention over the|confounder set"),
    (2, 3): ("objects", "measure_objects", "the tag that each|object belongs to"),
}
#: from box to box
ARROWS = [
    *(((0, i), (0, i + 1)) for i in range(4)),
    ((0, 4), (1, 4)),
    *(((1, i + 1), (1, i)) for i in reversed(range(4))),
    ((1, 1), (2, 1)),
    ((2, 1), (2, 2)),
    ((1, 3), (2, 3)),
    ((2, 2), (3, 2)),
    ((2, 3), (3, 3)),
]
_BLUE, _ORANGE = "#2f6690", "#b8650a"


def one_round(path: Path) -> None:
    """The stages of a round as boxes and arrows, with what they made of one image in round 0."""
    width = 5 * BOX + 6 * BETWEEN
    followed, size = Followed(), (THUMBNAIL, THUMBNAIL)
    with matplotlib.style.context("default"):
        canvas = Canvas(width, 632)
        for (top, height), fill, title in (
            ((8, 354), "#eef3f7", "Round t"),
            ((370, 138), "#fdf3e3", "Causal step"),
            ((516, 108), "#eef3f7", "Round t + 1"),
        ):
            canvas.box(8, top, width - 16, height, fill=fill)
            canvas.text(title, 18, top + 6, 11, bold=True)
        for (row, column), (title, stages, shown) in BOXES.items():
            left, (top, height) = BETWEEN + column * (BOX + BETWEEN), ROWS[row]
            canvas.box(left, top, BOX, height, fill="white", edge=_ORANGE if row == 2 else _BLUE)
            middle = left + BOX / 2
            canvas.text(title, middle, top + 5, 10, bold=True, align="center")
            canvas.text(stages, middle, top + 24, 8.5, colour=SOFT, align="center")
            if shown == "image" or shown in STORE_FILES:
                pixels = followed.pixels(shown, 0, size)
                canvas.image(pixels, middle - THUMBNAIL / 2, top + 48)
            else:
                lines = shown.split("|")
                first = top + 44 + (height - 48 - len(lines) * line_height(9)) / 2
                canvas.lines(lines, middle, first, 9, align="center")
        canvas.text("context.method", 18, 396, 9, colour=SOFT)
        canvas.text("conta", _middle(1) + 10, 382, 9.5, bold=True, colour=_ORANGE)
        canvas.text("intervention", _middle(3) + 10, 382, 9.5, bold=True, colour=_ORANGE)
        canvas.text("none", _middle(4), 382, 9.5, bold=True, colour=_ORANGE, align="center")
        canvas.lines(("nothing:", "the control"), _middle(4), 430, 9, align="center")
        _next_classifier(canvas)
        for start, end in ARROWS:
            _arrow(canvas, start, end)
    write_sheet(canvas.figure, path)


def _next_classifier(canvas: Canvas) -> None:
    """The box of the next round, below the causal steps."""
    top, height = ROWS[3]
    left = _middle(1) - BOX / 2
    canvas.box(left, top, 3 * BOX + 2 * BETWEEN, height, fill="white", edge=_BLUE)
    canvas.text("train classifier", _middle(1), top + 5, 10, bold=True, align="center")
    canvas.text("train_cam", _middle(1), top + 24, 8.5, colour=SOFT, align="center")
    for column, line in ((2, "reads M"), (3, "sees the objects|in other contexts")):
        lines = line.split("|")
        first = top + (height - len(lines) * line_height(9)) / 2
        canvas.lines(lines, _middle(column), first, 9, align="center")


def _middle(column: int) -> float:
    return BETWEEN + column * (BOX + BETWEEN) + BOX / 2


def _arrow(canvas: Canvas, start: tuple[int, int], end: tuple[int, int]) -> None:
    """An arrow from the edge of a box to the edge of another, along a row or a column."""
    (top, height), (below, _) = ROWS[start[0]], ROWS[end[0]]
    if start[0] == end[0]:
        side = BOX / 2 if end[1] > start[1] else -BOX / 2
        places = [
            (_middle(start[1]) + side, top + height / 2),
            (_middle(end[1]) - side, top + height / 2),
        ]
    else:
        places = [(_middle(start[1]), top + height), (_middle(end[1]), below)]
    (axes,) = canvas.figure.axes
    how = FancyArrowPatch(
        *places,
        arrowstyle="-|>",
        mutation_scale=12,
        color=INK,
        linewidth=1.2,
        shrinkA=0,
        shrinkB=0,
        zorder=3,
    )
    axes.add_patch(how)


def confounding(path: Path) -> None:
    """The same images of context-shapes without confounding and with the default's."""
    blocks: list[Block] = []
    for share in (0.0, 0.9):
        with TemporaryDirectory() as folder:
            make_context_shapes(
                folder, images=ImageCounts(train=SHOWN, val=1), size=128, confounding=share, seed=0
            )
            cells = [_shapes_cell(Path(folder), f"train_{index:06d}") for index in range(SHOWN)]
        blocks += [Heading(f"Confounding {share:g}", 12, bold=True), Grid(cells, SHOWN)]
    pairs = ", ".join(f"{c} on {where}" for c, where in zip(CLASSES, CONTEXTS, strict=True))
    companions = ", ".join(f"{CLASSES[i]} with {CLASSES[i + 1]}" for i in range(0, len(CLASSES), 2))
    blocks.append(Heading(f"Typical contexts: {pairs}. Companions: {companions}."))
    write_sheet(draw_sheet(blocks), path)


def _shapes_cell(root: Path, image_id: str) -> Cell:
    """An image of context-shapes, and on what each of its objects stands for the most part."""
    image = read_image(root / "JPEGImages" / f"{image_id}.jpg")
    labels = read_label_png(root / "SegmentationClass" / f"{image_id}.png")
    contexts = read_label_png(root / "ContextMaps" / f"{image_id}.png")
    on = [
        f"{CLASSES[value - 1]} on {CONTEXTS[np.bincount(contexts[labels == value]).argmax() - 1]}"
        for value in np.unique(labels[labels > 0])
    ]
    return picture(fit(image, (SIDE, SIDE)), "", ", ".join(on))


def intervention(path: Path) -> None:
    """Two images, the objects of their pseudo-masks, and both kinds of views made of them."""
    manifest, size = Manifest.load(RUN / "dataset.json"), (SIDE + 40, SIDE + 40)
    ids = manifest.ids("train")
    settings = load_experiments(read_config(ROOT / "config.yaml"))[RUN.name].context
    folder = round_folder(RUN, 0)
    read = object_masks(
        manifest, ids, str(folder / STORE_FILES["pseudo_masks"]), settings.intervention
    )
    taken = read_taken(str(folder / STORE_FILES["objects"]), ids, manifest.classes)
    views = {
        title: Intervention(
            manifest,
            ids,
            read,
            settings,
            recombined=share,
            counterfactual=1 - share,
            seed=(0, 1, "train_cam"),
            taken=taken,
        )
        for title, share in (("recombined", 1.0), ("counterfactual", 0.0))
    }
    cells, masks = [], []
    for image_id in INTERVENED:
        record = manifest.images[image_id]
        image, mask = read_image(record.image), read(image_id)
        masks.append(mask)
        cells.append(picture(fit(image, size), "real", f"tags: {', '.join(record.tags)}"))
        cells.append(picture(colour_labels(fit_exactly(mask, size)), "pseudo-mask of round 0"))
        for title, view in views.items():
            made = view(image_id, VIEW)
            if made is None:
                raise SystemExit(f"{image_id} has no {title} view: name another in INTERVENED")
            tags = ", ".join(
                name for name, has in zip(manifest.classes, made.tags, strict=True) if has
            )
            cells.append(picture(fit(made.image, size), title, f"target: {tags or 'no class'}"))
    legend = Legend(label_legend(masks, manifest.class_names))
    write_sheet(draw_sheet([Grid(cells, 4), legend]), path)


def gains(path: Path) -> None:
    """What the arms gain over the control, with 95 % intervals, by the tables of evidence/."""
    rows = read_gains((ROOT / "evidence" / "tables.md").read_text())
    with matplotlib.style.context("default"):
        figure = Figure(figsize=(8.5, 6.2), facecolor="white", layout="constrained")
        panels = figure.subplots(1, len(MEASURES), sharex=True, sharey=True)
        groups = list(dict.fromkeys(row.data for row in rows))
        for axes, (measure, title) in zip(panels, MEASURES.items(), strict=True):
            for row in rows:
                place = groups.index(row.data) + ARMS[row.arm][0]
                value, low, high = row.gains[measure]
                axes.errorbar(
                    value,
                    place,
                    xerr=[[value - low], [high - value]],
                    fmt="o",
                    markersize=5,
                    capsize=3,
                    color=ARMS[row.arm][1],
                )
                axes.annotate(
                    f"{value:+.1f}",
                    (value, place),
                    (0, 6),
                    textcoords="offset points",
                    ha="center",
                    fontsize=9,
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
                )
            axes.axvline(0, color=INK, linewidth=0.8)
            axes.set_title(title, fontsize=10.5, fontweight="bold")
            axes.set_yticks(range(len(groups)), groups, fontsize=9.5)
            axes.set_xlabel("gain over the control, mIoU", fontsize=9.5)
            axes.grid(axis="x", color="#e4e4e4")
            axes.set_axisbelow(True)
            for side in ("top", "right", "left"):
                axes.spines[side].set_visible(False)
            axes.tick_params(axis="y", length=0)
        panels[0].set_ylim(len(groups) - 0.45, -0.55)
        handles = [
            Line2D([], [], color=colour, marker="o", label=arm) for arm, (_, colour) in ARMS.items()
        ]
        figure.legend(
            handles=handles, loc="outside lower center", ncols=2, fontsize=9.5, frameon=False
        )
        write_sheet(figure, path)


@dataclass(frozen=True)
class Gain:
    """A row of a table of differences to the control.

    Attributes:
        data: what was compared, and by how many pairs.
        arm: its name.
        gains: column -> mean and both ends of the 95 % interval, mIoU.
    """

    data: str
    arm: str
    gains: dict[str, tuple[float, float, float]]


def read_gains(tables: str) -> list[Gain]:
    """The gains in the last round of each comparison and confounding that has intervals.

    Args:
        tables: the text of evidence/tables.md.
    """
    found = []
    for section in re.split(r"^## ", tables, flags=re.M)[1:]:
        name = section.partition("\n")[0]
        last = re.search(r"^### Round \d+, the last: mIoU\n(.*?)^### ", section, re.M | re.S)
        for table in re.finditer(
            r"^(?:(Confounding [\d.]+): )?mIoU, difference to control, 95 % t-intervals, "
            r"(\d+) pairs.*\n\n\| arm \|(.*)\|\n.*\n((?:\|.*\n)+)",
            last[1] if last else "",
            re.M,
        ):
            level, pairs, head, lines = table.groups()
            data = "\n".join([name, *([level.lower()] if level else []), f"{pairs} pairs"])
            columns = [column.strip() for column in head.split("|")]
            for line in lines.splitlines():
                arm, *cells = (cell.strip() for cell in line.strip("|").split("|"))
                numbers = [[float(n) for n in re.findall(r"[+-]\d+\.\d+", cell)] for cell in cells]
                values = {c: (n[0], n[1], n[2]) for c, n in zip(columns, numbers, strict=True)}
                found.append(Gain(data, arm, values))
    return found


def report(path: Path) -> None:
    """The demo's report down to its curves, by a browser."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print(f"{path.name}: left as it is, for none of {', '.join(BROWSERS)} is installed")
        return
    with TemporaryDirectory() as profile:
        command = [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *(f"--user-data-dir={profile}", "--window-size=1200,842", f"--screenshot={path}"),
            (ROOT / RUN / "report.html").as_uri(),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=120)


def status(path: Path) -> None:
    """What ``conta status`` prints of the demo's run, as it looks in a terminal."""
    console = Console(
        record=True,
        width=64,
        file=StringIO(),
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
    )
    console.print(f"[bold]$[/] conta status {RUN.name}")
    console.print(status_table(read_status(*find_run(RUN.name)), console))
    # room for the tails of the last line
    console.print()
    # a picture on a page may load no font
    plain = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.S)
    path.write_text(console.export_svg(title="", code_format=plain, unique_id="conta-status"))


#: name of a file -> what draws it
PICTURES: dict[str, Callable[[Path], None]] = {
    "rounds.png": rounds,
    "round.png": one_round,
    "confounding.png": confounding,
    "intervention.png": intervention,
    "gains.svg": gains,
    "report.png": report,
    "status.svg": status,
}

if __name__ == "__main__":
    main(sys.argv[1:])
