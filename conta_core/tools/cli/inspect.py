"""``conta inspect``: what a file of the workflow is, its images, one image's arrays."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import track

from conta_core.errors import ContaError
from conta_core.tools.cli.properties import as_text, show_property

if TYPE_CHECKING:
    from conta_core.tools.inspect.images import ImageLine, Listed
    from conta_core.tools.inspect.properties import Property
    from conta_core.tools.inspect.recognise import FileKind

#: columns of image ids, so that lines can be printed before all ids are known
_ID_WIDTH = 24


def inspect(
    file: Annotated[
        Path,
        typer.Argument(
            help="a store (.h5), a part of one, a model (.safetensors), dataset.json, a scores "
            "json, summary.json or a pseudo_masks folder"
        ),
    ],
    image: Annotated[
        str | None,
        typer.Argument(
            help="an image id, or the name of its file without ending: its arrays, their "
            "ranges, its classes"
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="read every byte and compare the checksums")
    ] = False,
    list_images: Annotated[
        bool, typer.Option("--list", "-l", help="list the images: id, height x width, classes")
    ] = False,
    class_: Annotated[
        str | None,
        typer.Option(
            "--class",
            metavar="NAME",
            help="list the images with this class: a tag of theirs (cams, refined, "
            "dataset.json), or predicted in them (labels, train_masks, logits, pseudo_masks)",
        ),
    ] = None,
    match: Annotated[
        str | None,
        typer.Option(metavar="PATTERN", help="list the images with such an id, e.g. '2007_*'"),
    ] = None,
    page: Annotated[
        int | None, typer.Option(min=1, help="list this page; without it all, as they are found")
    ] = None,
    page_size: Annotated[int, typer.Option(min=1, help="images of a page")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON, for programs")] = False,
) -> None:
    """Say what a file is, whether it is complete, and what its images are.

    A file that is cut off, damaged, not complete or of another version: what it is as far as it
    says it, what is wrong, and status 1.
    """
    # only here: `conta --help` must not wait for HDF5
    from conta_core.data.image_ids import given_id
    from conta_core.tools.inspect.recognise import recognise

    kind = recognise(file)
    image = None if image is None else given_id(image)
    listing = list_images or class_ is not None or match is not None or page is not None
    if image is not None and listing:
        raise typer.BadParameter("name an image or list them, not both")
    if not listing:
        _show_properties(_properties(file, kind, image, check), as_json)
        return
    from conta_core.tools.inspect.images import find_images

    with _opened(file, kind) as images:
        first = 0 if page is None else (page - 1) * page_size
        lines = find_images(images, match=match, class_=class_, skip=first)
        _show_list(lines, first, page, page_size, as_json)


def _properties(file: Path, kind: FileKind, image: str | None, check: bool) -> Iterator[Property]:
    from conta_core.evaluation.store_kinds.images import MaskImages, open_images
    from conta_core.tools.inspect.arrays import describe_image
    from conta_core.tools.inspect.recognise import FileKind
    from conta_core.tools.inspect.stores import describe_store

    if kind not in (FileKind.STORE, FileKind.MASKS):
        yield from _other_properties(file, kind, image, check)
    elif image is not None:
        with open_images(file) as images:
            yield from describe_image(images, image)
    elif kind == FileKind.STORE:
        yield from describe_store(file, check=check, track=_track)
    else:
        from conta_core.tools.inspect.other_files import describe_masks

        yield from describe_masks(MaskImages(file))


def _other_properties(
    file: Path, kind: FileKind, image: str | None, check: bool
) -> Iterator[Property]:
    from conta_core.tools.inspect import other_files, score_files
    from conta_core.tools.inspect.recognise import FileKind

    if kind == FileKind.MODEL and image is None:
        yield from other_files.describe_model(file, check=check)
    elif kind == FileKind.MANIFEST:
        yield from (
            other_files.describe_manifest(file)
            if image is None
            else other_files.describe_manifest_image(file, image)
        )
    elif image is not None:
        raise ContaError(f"{file}: a {kind} has no images; leave out {image!r}")
    elif kind == FileKind.PART:
        yield from other_files.describe_part_of_store(file)
    elif kind == FileKind.SCORES:
        yield from score_files.describe_scores(file)
    elif kind == FileKind.RELIANCE:
        yield from score_files.describe_reliance(file)
    elif kind == FileKind.SUMMARY:
        yield from score_files.describe_summary(file)
    else:
        raise _folder(file, kind)


def _folder(file: Path, kind: FileKind) -> ContaError:
    found = sorted(
        str(path)
        for path in (*file.rglob("*.h5"), *file.rglob("*.safetensors"), *file.glob("*.json"))
    )
    return ContaError(
        f"{file}: the folder of a {kind}; name one file of it, e.g. "
        + (", ".join(found[:5]) or "dataset.json, once it is made")
    )


@contextmanager
def _opened(file: Path, kind: FileKind) -> Iterator[Listed]:
    """The images of a file."""
    from conta_core.evaluation.store_kinds.images import open_images
    from conta_core.tools.inspect.images import KindImages, ManifestImages
    from conta_core.tools.inspect.recognise import FileKind

    if kind in (FileKind.STORE, FileKind.MASKS):
        with open_images(file) as images:
            yield KindImages(images)
    elif kind == FileKind.MANIFEST:
        from conta_core.data.manifest import Manifest

        yield ManifestImages(file, Manifest.load(file))
    elif kind in (FileKind.RUN, FileKind.ROUND):
        raise _folder(file, kind)
    else:
        raise ContaError(f"{file}: a {kind} has no list of images; name a store or dataset.json")


def _show_properties(properties: Iterator[Property], as_json: bool) -> None:
    """Print properties as they come; where they end in an error, what came before it stands."""
    console = Console()
    found: dict[str, Any] = {}
    try:
        for one in properties:
            if as_json:
                found[one.name] = one.value
            else:
                show_property(one, console)
    except ContaError as error:
        if as_json:
            typer.echo(json.dumps({**found, "problem": str(error)}, indent=1))
        raise
    if as_json:
        typer.echo(json.dumps(found, indent=1))


def _show_list(
    lines: Iterator[ImageLine], first: int, page: int | None, page_size: int, as_json: bool
) -> None:
    # one more than the page, to know whether there is another
    shown = islice(lines, None if page is None else page_size + 1)
    if page is None and not as_json:
        count = 0
        for count, line in enumerate(shown, start=1):  # noqa: B007
            _show_line(line)
        typer.echo(f"{count:,} images", err=True)
        return
    found = list(shown)
    more = page is not None and len(found) > page_size
    found = found[:page_size] if page is not None else found
    if as_json:
        content = {"images": [line._asdict() for line in found], "page": page, "more": more}
        typer.echo(json.dumps(content, indent=1))
        return
    for line in found:
        _show_line(line)
    span = f"images {first + 1:,} to {first + len(found):,}" if found else "no images"
    rest = f"; more with --page {page + 1}" if page is not None and more else "; no more"
    typer.echo(f"page {page}: {span}{rest}", err=True)


def _show_line(line: ImageLine) -> None:
    size = f"{line.height} x {line.width}"
    classes = "" if line.classes is None else as_text(line.classes)
    typer.echo(f"{line.id:<{_ID_WIDTH}} {size:<13} {classes}".rstrip())


def _track(ids: Iterable[str], total: int) -> Iterable[str]:
    """A bar on a terminal."""
    console = Console(stderr=True)
    return track(
        ids, "checking", total, console=console, transient=True, disable=not sys.stderr.isatty()
    )
