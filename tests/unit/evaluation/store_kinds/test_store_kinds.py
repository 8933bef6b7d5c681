"""The registry of the kinds of store: whole, and true of what the stages write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_stores import CLASSES, IDS, SIZE, write_small
from typer.testing import CliRunner

from conta_core.errors import ContaError
from conta_core.evaluation.store_kinds.images import MaskImages, fitting, open_images
from conta_core.evaluation.store_kinds.kind import ImageKind
from conta_core.evaluation.store_kinds.labels import LabelKind
from conta_core.evaluation.store_kinds.maps import MapKind
from conta_core.evaluation.store_kinds.registry import KINDS
from conta_core.images.masks import write_label_png
from conta_core.storage.stores.kinds import IMAGE_ARRAYS, Array
from conta_core.storage.stores.writer import write_store
from conta_core.tools.cli.app import app

KINDS_OF_STORES = sorted(IMAGE_ARRAYS)


def test_each_kind_has_a_class() -> None:
    assert set(KINDS) == {*IMAGE_ARRAYS, "pseudo_masks"}
    assert all(kind.name == name for name, kind in KINDS.items())
    assert len({kind.title for kind in KINDS.values()}) == len(KINDS)


@pytest.mark.parametrize("name", KINDS_OF_STORES)
def test_an_image_of_each_kind(tmp_path: Path, name: str) -> None:
    """What a kind tells of an image fits the image, whatever the kind."""
    with open_images(write_small(tmp_path / "store.h5", name)) as images:
        kind = images.kind
        assert kind is KINDS[name]
        assert bool(kind.arrays) == isinstance(kind, ImageKind)
        if not isinstance(kind, ImageKind):
            return
        image = images.image(IDS[1])
        assert len(kind.difference(image, image)) == len(kind.measures)
        assert set(kind.difference(image, image)) == {0.0}
        sums, weights = kind.totals(image, len(CLASSES))
        assert sums.shape == weights.shape == (len(CLASSES) + 2 * kind.of_labels,)
        assert kind.class_rows(image)
        assert (kind.classes(image) is not None) == kind.tells_classes
        if isinstance(kind, LabelKind):
            assert (kind.as_labels(image).shape, kind.as_labels(image).dtype) == (SIZE, np.uint8)
        if isinstance(kind, MapKind):
            keys, maps = kind.as_maps(image)
            assert (maps.shape, maps.dtype) == ((len(keys), *SIZE), np.float32)
            values, names = kind.strongest(image)
            np.testing.assert_array_equal(values, maps.max(axis=0))
            assert set(names) == {CLASSES[key] for key in keys}


def test_a_folder_of_masks_is_a_store_of_labels(tmp_path: Path) -> None:
    mask = np.zeros(SIZE, np.uint8)
    mask[:2] = 1
    write_label_png(tmp_path / "a.png", mask)
    write_label_png(tmp_path / ".b.png", mask)
    with open_images(tmp_path) as images:
        assert isinstance(images, MaskImages)
        assert list(images.ids()) == ["a"]
        kind, image = images.kind, images.image("a")
        assert isinstance(kind, LabelKind)
        np.testing.assert_array_equal(kind.as_labels(image), mask)
        assert kind.classes(image) == ["label 1"]


def test_arrays_that_do_not_fit(tmp_path: Path) -> None:
    path = write_small(tmp_path / "l.h5", "labels", changed={IDS[0]: {"labels": np.zeros((2, 2))}})
    with open_images(path) as images:
        kind, image = images.kind, images.image(IDS[0])
        assert isinstance(kind, LabelKind)
        message = r"do not fit an image of \(8, 12\) .*labels is of \(2, 2\), float64"
        with pytest.raises(ContaError, match=message), fitting(path, image):
            kind.as_labels(image)


def test_cams_without_a_classifier(tmp_path: Path) -> None:
    """Inspect, show and diff do without P(class)."""
    path = write_small(tmp_path / "cams.h5", "cams", without=["probability"])
    with_it = write_small(tmp_path / "others.h5", "cams", value=0.25)
    with open_images(path) as images, open_images(with_it) as others:
        kind, image = images.kind, images.image(IDS[1])
        assert isinstance(kind, MapKind)
        assert not image.has("probability")
        assert image.find("probability") is None
        rows = kind.class_rows(image)
        assert [row["class"] for row in rows] == ["boat", "ring"]
        assert {row["P(class)"] for row in rows} == {None}
        assert kind.map_notes(image, kind.as_maps(image)) == ["", ""]
        for pair in ((image, image), (image, others.image(IDS[1]))):
            maps, probability = kind.difference(*pair)
            assert (maps, np.isnan(probability)) == (0.25 * (pair[1] is not image), True)
    run = CliRunner().invoke
    told = run(app, ["inspect", str(path), "--check"]).stdout
    assert "all 9 arrays were read" in told
    assert "probability" not in told
    assert run(app, ["inspect", str(path), IDS[0]]).exit_code == 0
    assert run(app, ["diff", str(path), str(path)]).stdout.splitlines()[0].endswith(": equal")
    assert "3 of 3 images differ" in run(app, ["diff", str(path), str(with_it)]).stdout
    shown = run(app, ["show", str(path), IDS[0], "--no-photo", "-o", str(tmp_path / "s.png")])
    assert shown.exit_code == 0, (shown.output, shown.exception)


def test_an_array_that_a_store_cannot_do_without(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a cams store takes"):
        write_small(tmp_path / "cams.h5", "cams", without=["high_res"])


class Sketches(LabelKind):
    """A kind of store that there is not."""

    name, array = "sketches", "sketch"
    title = caption = "sketches"


def test_a_new_kind_is_an_entry_a_class_and_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inspect, show and diff know it at once."""
    monkeypatch.setitem(IMAGE_ARRAYS, "sketches", {"sketch": Array("uint8", "H x W: labels")})
    monkeypatch.setitem(KINDS, "sketches", Sketches())
    paths = [tmp_path / name for name in ("a.h5", "b.h5")]
    for value, path in enumerate(paths, start=1):
        options = {"classes": CLASSES, "run": "r", "round_index": 0, "settings": {}}
        with write_store(path, "sketches", **options) as store:
            store.write("a", {"sketch": np.full(SIZE, value, np.uint8)}, SIZE)

    def told(*arguments: object) -> str:
        result = CliRunner().invoke(app, [*map(str, arguments)])
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    a, b = paths
    assert "sketches (conta-sketches)" in told("inspect", a)
    assert "boat" in told("inspect", a, "a")
    assert told("inspect", b, "--class", "dog").split()[0] == "a"
    assert "pixels changed, %: 100.0 on average" in told("diff", a, b, "-o", tmp_path / "d.png")
    assert "pixels" in told("show", a, "a", "--no-photo", "-o", tmp_path / "s.png")
