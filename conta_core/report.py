"""The report: one self-contained html page of a run's scores, curves and pictures."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from html import escape
from pathlib import Path
from typing import Any

import cv2
import matplotlib
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from conta_core.images import read_image
from conta_core.manifest import Manifest
from conta_core.masks import read_label_png, voc_palette
from conta_core.pseudo_masks import strongest_class, upsample_refined
from conta_core.stores.reader import StoreReader
from conta_core.summary import (
    LISTS,
    STAGES,
    confounding_rows,
    find_score,
    list_caption,
    number,
    score_rows,
    scored_stages,
)

#: how many training images are shown
SHOWN = 6
#: long side of a picture in pixels
PICTURE = 176
#: line colours that stand out from a light and from a dark page
COLOURS = ("#d9822b", "#2b95d6", "#29a634", "#9179f2", "#db2c6f")
#: drawn in this colour, then replaced by the page's text colour
INK = "#010203"

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #5d6772; --page: #fff; --line: #d5dae0;
  --band: #f3f5f7; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7eb; --soft: #9aa5b1; --page: #15181c;
  --line: #39414b; --band: #1f242a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 1rem; background: var(--page);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; } h3 { font-size: 1rem; }
p, figcaption, caption, .soft { color: var(--soft); font-size: 0.9rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 0.6rem 0; }
caption { text-align: left; }
th, td { padding: 0.25rem 0.7rem; text-align: right; border-bottom: 1px solid var(--line); }
th { font-weight: 600; font-size: 0.85rem; } td.text, th.text { text-align: left; }
tbody tr:nth-child(even) { background: var(--band); }
.plots { display: flex; flex-wrap: wrap; gap: 1rem; }
.plots > div { flex: 1 1 20rem; max-width: 34rem; }
svg { width: 100%; height: auto; color: var(--ink); }
.strip { display: flex; gap: 0.5rem; overflow-x: auto; padding-bottom: 0.4rem; }
.strip figure { margin: 0; flex: 0 0 auto; width: min(9.5rem, 38vw); }
.strip img { width: 100%; height: auto; display: block; border: 1px solid var(--line); }
.strip figcaption { font-size: 0.78rem; line-height: 1.3; overflow-wrap: anywhere; }
.legend { display: flex; flex-wrap: wrap; gap: 0.3rem 1rem; padding: 0; list-style: none; }
.legend span { display: inline-block; width: 1em; height: 1em; vertical-align: -0.15em;
  border: 1px solid var(--line); margin-right: 0.35em; }
"""


def render_report(
    summary: Mapping[str, Any], manifest: Manifest, rounds: Sequence[Mapping[str, Any]]
) -> str:
    """The page: tables, curves over rounds, and strips of pictures.

    It loads nothing: styles, curves (SVG) and pictures are in it.

    Args:
        summary: content of summary.json.
        manifest: of the data set.
        rounds: paths of each round's files, as in :func:`conta_core.stages.summarise.summarise`.

    Returns:
        html; the same bytes for the same input.

    Raises:
        ContaError: a file that a picture is made of is missing or broken.
    """
    title = f"Conta: {summary['run']}"
    body = [
        f"<h1>{escape(title)}</h1>",
        f"<p>Data set {escape(summary['dataset'])}, {len(summary['classes'])} classes, "
        f"{summary['rounds']} rounds. Ground truth: "
        f"{escape(summary['ground_truth'] or 'none')}. All scores are mIoU in percent, background "
        "included, over the whole list and over the labels that occur in it.</p>",
        *_scores_section(summary),
        *_confounding_section(summary),
        *_classes_section(summary),
        *_pictures_section(manifest, rounds),
    ]
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, '
        f'initial-scale=1"><title>{escape(title)}</title><style>{STYLE}</style>'
    )
    content = "\n".join(body)
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}</head>\n'
        f"<body><main>\n{content}\n</main></body></html>\n"
    )


def _scores_section(summary: Mapping[str, Any]) -> list[str]:
    parts = ["<h2>Scores by round</h2>"]
    plots: list[str] = []
    for split in LISTS:
        stages = scored_stages(summary, split)
        if not stages:
            continue
        caption = f"mIoU, {list_caption(summary, split)}"
        parts.append(_table(score_rows(summary, split), caption))
        parts += _notes(summary, split, stages)
        lines = {
            STAGES[stage]: [
                (row or {}).get("miou")
                for row in (find_score(summary, i, stage, split) for i in range(summary["rounds"]))
            ]
            for stage in stages
        }
        if any(value is not None for line in lines.values() for value in line):
            plots.append(_plot(lines, f"mIoU over rounds, {LISTS[split]}", "mIoU, percent"))
    return [*parts, *_plots(plots)]


def _notes(summary: Mapping[str, Any], split: str, stages: Iterable[str]) -> list[str]:
    """Where the numbers of a table come from: thresholds, and why a list has no score."""
    notes: list[str] = []
    for stage in stages:
        rows = [r for r in summary["scores"] if (r["stage"], r["split"]) == (stage, split)]
        thresholds = [row["threshold"] for row in rows if row.get("threshold")]
        if thresholds:
            values = ", ".join(f"{t['value']:.2f}" for t in thresholds)
            chosen = "; ".join(dict.fromkeys(t["chosen"] for t in thresholds))
            notes.append(f"{STAGES[stage]}: threshold by round {values} ({chosen}).")
        notes += dict.fromkeys(f"{STAGES[stage]}: {r['why']}." for r in rows if r.get("why"))
    return [f"<p>{escape(' '.join(notes))}</p>"] if notes else []


def _confounding_section(summary: Mapping[str, Any]) -> list[str]:
    if not summary["confounding"]:
        return []
    plots: list[str] = []
    own: dict[str, list[float | None]] = {}
    swap: dict[str, list[float | None]] = {}
    for row in summary["confounding"]:
        if row["split"] != "val":
            continue
        for name, value in row["far_false_positives"].items():
            label = f"{STAGES[row['stage']]}, {name.replace('_', ' ')}"
            own.setdefault(label, [None] * summary["rounds"])[row["round"]] = value
        for name in ("context_present", "context_absent"):
            if "swap_test" in row:
                label = name.replace("_", " ")
                line = swap.setdefault(label, [None] * summary["rounds"])
                line[row["round"]] = row["swap_test"][name]
    if own:
        plots.append(_plot(own, "False positives far from objects, validation list", "percent"))
    if swap:
        plots.append(_plot(swap, "Swap test, validation list", "mean P(class)"))
    return [
        "<h2>Confounding</h2>",
        "<p>Far: how often a class is predicted more than 14 pixels (at a size of 128) from any "
        "object, where the ground shows the class's own context and where it shows another. "
        "Swap test: mean P(class) on validation images without the class, with its context on "
        "more than 5 % of the pixels, or not. A model that ignores the context has equal numbers "
        "in each pair. The share of false positives on the own context flatters, since objects "
        "may stand on it.</p>",
        _table(confounding_rows(summary), "confounding diagnostics", text=3),
        *_plots(plots),
    ]


def _classes_section(summary: Mapping[str, Any]) -> list[str]:
    parts = ["<h2>IoU of each class</h2>"]
    for split in LISTS:
        stages = scored_stages(summary, split)
        rows = [r for r in summary["scores"] if r["split"] == split and r["images"]]
        if not rows:
            continue
        rows.sort(key=lambda row: (stages.index(row["stage"]), row["round"]))
        headings = ["class", *(f"{STAGES[r['stage']]}, round {r['round']}" for r in rows)]
        body = [
            [name, *(number(r["iou"].get(name)) for r in rows)]
            for name in ("background", *summary["classes"])
        ]
        caption = f"IoU in percent, {list_caption(summary, split)}"
        parts.append(_table([headings, *body], caption, text=1))
    return parts


def _pictures_section(manifest: Manifest, rounds: Sequence[Mapping[str, Any]]) -> list[str]:
    ids = shown_images(manifest)
    if not ids:
        return []
    parts = [
        "<h2>Pictures</h2>",
        f"<p>{len(ids)} training images, evenly spaced over those with a tag; the same ones in "
        "every report. CAM and refined: the strongest of the image's classes at each pixel, dark "
        "is 0 and bright is 1. X_m: the mask that the segmentation model predicts. M: the context "
        "that goes into a round's classifier, dark is its lowest and bright its highest value.</p>",
        _legend(manifest.class_names),
    ]
    for image_id in ids:
        record = manifest.images[image_id]
        image = read_image(record.image)
        tags = ", ".join(record.tags)
        first = [_figure(image, "image", f"photograph {image_id}, tags: {tags}")]
        if record.mask:
            truth = manifest.read_mask(image_id)
            first.append(_label_figure(truth, "ground truth", manifest.class_names, image_id))
        parts.append(f"<h3>{escape(image_id)} <span class=soft>({escape(tags)})</span></h3>")
        parts.append(_strip(first))
        for index, paths in enumerate(rounds):
            parts.append(f"<p>round {index}</p>")
            parts.append(_strip(_round_figures(manifest, image_id, image, paths, index)))
    return parts


def shown_images(manifest: Manifest) -> list[str]:
    """The training images of the report: evenly spaced over those with a tag."""
    tagged = [i for i in manifest.ids("train") if manifest.images[i].tags]
    places = np.linspace(0, len(tagged) - 1, min(SHOWN, len(tagged))).round().astype(int)
    return [tagged[place] for place in places]


def _round_figures(
    manifest: Manifest, image_id: str, image: np.ndarray, paths: Mapping[str, Any], index: int
) -> list[str]:
    names, classes = manifest.class_names, manifest.classes
    where = f"{image_id}, round {index}"
    with ExitStack() as stack:

        def read(kind: str, array: str) -> np.ndarray:
            store = StoreReader(paths[kind], kind, [image_id], classes)
            return stack.enter_context(store).read(image_id, array)

        maps = {
            "CAM": (read("cams", "high_res"), read("cams", "keys")),
            "refined": (
                upsample_refined(read("refined", "refined"), image.shape[:2]),
                read("refined", "keys"),
            ),
        }
        figures = []
        for label, (values, keys) in maps.items():
            strongest, by_class = strongest_class(values, keys)
            shown = _names_by_area(by_class, keys, classes)
            figures.append(
                _figure(
                    _heat(image, strongest), f"{label}: {shown}", f"{label} of {where}: {shown}"
                )
            )
        pseudo_mask = read_label_png(Path(paths["pseudo_masks"]) / f"{image_id}.png")
        figures.append(_label_figure(pseudo_mask, "pseudo-mask", names, where))
        figures.append(_label_figure(read("train_masks", "mask"), "X_m", names, where))
        if paths.get("context"):
            store = stack.enter_context(
                StoreReader(paths["context"], "context", [image_id], classes)
            )
            context = store.read(image_id, "mask").astype(np.float32)
            low, high = float(context.min()), float(context.max())
            label = f"M for round {store.round + 1}, {low:.2g} to {high:.2g}"
            size = (image.shape[1], image.shape[0])
            enlarged = cv2.resize((context - low) / max(high - low, 1e-12), size)
            figures.append(_figure(_colour(enlarged), label, f"{label}, of {image_id}"))
    return figures


def _names_by_area(by_class: np.ndarray, keys: np.ndarray, classes: Sequence[str]) -> str:
    areas = {int(key): int((by_class == key).sum()) for key in keys}
    return ", ".join(classes[key] for key in sorted(areas, key=lambda key: -areas[key]))


def _colour(values: np.ndarray) -> np.ndarray:
    """A heat map, uint8 RGB (H, W, 3), of values 0..1 (H, W)."""
    grey = (np.clip(values, 0, 1) * 255).astype(np.uint8)
    return np.asarray(cv2.applyColorMap(grey, cv2.COLORMAP_INFERNO))[..., ::-1]


def _heat(image: np.ndarray, values: np.ndarray) -> np.ndarray:
    mixed = 0.4 * image.astype(np.float32) + 0.6 * _colour(values).astype(np.float32)
    return mixed.astype(np.uint8)


def _label_figure(labels: np.ndarray, caption: str, names: Sequence[str], where: str) -> str:
    present = [names[v] for v in np.unique(labels) if 0 < v < len(names)]
    shown = ", ".join(present) or "background only"
    return _figure(voc_palette()[labels], caption, f"{caption} of {where}: {shown}", exact=True)


def _figure(pixels: np.ndarray, caption: str, alt: str, exact: bool = False) -> str:
    """A figure from uint8 RGB (H, W, 3); ``exact`` keeps flat colours as they are."""
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    resampling = Image.Resampling.NEAREST if exact else Image.Resampling.BILINEAR
    factor = PICTURE / max(picture.size)
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    picture = picture.resize(size, resampling)
    stream = io.BytesIO()
    if exact:
        picture.quantize(256, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    else:
        picture.save(stream, "JPEG", quality=85)
    kind = "png" if exact else "jpeg"
    data = base64.b64encode(stream.getvalue()).decode()
    return (
        f'<figure><img alt="{escape(alt)}" width="{size[0]}" height="{size[1]}" '
        f'src="data:image/{kind};base64,{data}"><figcaption>{escape(caption)}</figcaption></figure>'
    )


def _strip(figures: Iterable[str]) -> str:
    return f'<div class="strip" tabindex="0">{"".join(figures)}</div>'


def _legend(names: Sequence[str]) -> str:
    palette = voc_palette()
    entries = [*enumerate(names), (255, "ignored")]
    items = (
        f'<li><span style="background: rgb{tuple(int(v) for v in palette[value])}"></span>'
        f"{escape(name)}</li>"
        for value, name in entries
    )
    return f'<ul class="legend" aria-label="colours of the classes">{"".join(items)}</ul>'


def _table(rows: Sequence[Sequence[str]], caption: str, text: int = 0) -> str:
    """A table from a heading row and body rows; the first ``text`` columns hold words."""

    def cells(tag: str, row: Sequence[str], scope: str = "") -> str:
        return "".join(
            f"<{tag}{scope}{' class=text' if i < text else ''}>{escape(cell)}</{tag}>"
            for i, cell in enumerate(row)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows[1:])
    heading = cells("th", rows[0], " scope=col")
    return (
        f'<div class="wide" tabindex="0"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{heading}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _plots(plots: Sequence[str]) -> list[str]:
    return [f'<div class="plots">{"".join(plots)}</div>'] if plots else []


def _plot(lines: Mapping[str, Sequence[float | None]], title: str, unit: str) -> str:
    """One line a name over rounds, as inline SVG in the page's own text colour."""
    ink = {
        key: INK
        for key in ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    }
    # text stays text; a fixed salt gives the same ids, and so the same bytes, each time
    style: dict[Any, Any] = {**ink, "svg.fonttype": "none", "svg.hashsalt": title, "font.size": 11}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(5.6, 3.6), layout="constrained")
        axes = figure.subplots()
        stages = list(STAGES.values())
        for place, (name, values) in enumerate(lines.items()):
            # a stage keeps its colour in every plot
            i = stages.index(name) if name in stages else place
            known = [(x, y) for x, y in enumerate(values) if y is not None]
            axes.plot(
                [x for x, _ in known],
                [y for _, y in known],
                marker="osD^v"[i % 5],
                color=COLOURS[i % len(COLOURS)],
                label=name,
            )
        axes.set(title=title, xlabel="round", ylabel=unit)
        axes.set_xticks(range(max(len(values) for values in lines.values())))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25, color=INK)
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.2), ncols=2, frameon=False, fontsize=9)
        figure.patch.set_alpha(0)
        axes.patch.set_alpha(0)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{escape(title)}" ', 1)
    return f"<div>{svg}</div>"
