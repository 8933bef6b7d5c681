from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from conta_core.errors import ContaError
from conta_core.storage.stores.kinds import FORMAT_VERSION, IMAGE_ARRAYS, ROOT_ARRAYS
from conta_core.storage.stores.reader import StoreReader
from conta_core.storage.stores.writer import write_store

CLASSES = ("cat", "dog")
SETTINGS = {"radius": 5, "scales": [1.0, 0.5], "nested": {"deep": True}}


def labels_of(count: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {f"i{k}": rng.integers(0, 3, (40, 60)).astype(np.uint8) for k in range(count)}


def write_labels(path: Path, count: int = 3, classes: tuple[str, ...] = CLASSES) -> Path:
    options = {"classes": classes, "run": "conta", "round_index": 2, "settings": SETTINGS}
    with write_store(path, "labels", **options) as store:
        for image_id, labels in labels_of(count).items():
            store.write(image_id, {"labels": labels}, size=(40, 60))
    return path


def refused(path: Path, kind: str = "labels", **options: object) -> str:
    """The message; the reader must not keep the file open."""
    with pytest.raises(ContaError) as raised:
        StoreReader(path, kind, **options)  # type: ignore[arg-type]
    assert str(path) in str(raised.value)
    return str(raised.value)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = write_labels(tmp_path / "labels.h5")
    with StoreReader(path, "labels", ["i0", "i1", "i2"], CLASSES) as store:
        assert (store.classes, store.run, store.round) == (CLASSES, "conta", 2)
        assert store.settings == SETTINGS
        assert store.image_ids == ["i0", "i1", "i2"]
        assert "i1" in store
        assert "i3" not in store
        for image_id, labels in labels_of(3).items():
            found = store.read(image_id, "labels")
            assert found.dtype == np.uint8
            np.testing.assert_array_equal(found, labels)
            assert store.size(image_id) == (40, 60)
        assert store.size_counts() == {(40, 60): 3}


def test_the_file_describes_itself(tmp_path: Path) -> None:
    with h5py.File(write_labels(tmp_path / "labels.h5"), "r") as file:
        expected = {"format", "format_version", "classes", "run", "round", "settings", "complete"}
        assert set(file.attrs) == expected
        assert file.attrs["format"] == b"conta-labels"
        assert file.attrs["format_version"] == FORMAT_VERSION
        assert file.attrs["complete"]


@pytest.mark.parametrize("kind", IMAGE_ARRAYS)
def test_every_kind_takes_exactly_its_arrays(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "store.h5"
    options = {"classes": CLASSES, "run": "r", "round_index": 0, "settings": {}}
    arrays = {name: np.ones((2, 3), np.float32) for name in IMAGE_ARRAYS[kind]}
    whole = {name: np.ones((2, 3), np.float32) for name in ROOT_ARRAYS.get(kind, {})}
    with write_store(path, kind, **options) as store:
        if arrays:
            store.write("a", arrays, (2, 3))
            with pytest.raises(ValueError, match=f"a {kind} store takes"):
                store.write("b", {**arrays, "other": np.ones(1)}, (2, 3))
            with pytest.raises(ValueError, match=f"a {kind} store takes"):
                store.write("c", {}, (2, 3))
        if whole:
            store.write_root(whole)
            with pytest.raises(ValueError, match=f"a {kind} store takes"):
                store.write_root({"other": np.ones(1)})
    with StoreReader(path, kind) as store:
        for name in arrays:
            np.testing.assert_array_equal(store.read("a", name), arrays[name])
        for name in whole:
            np.testing.assert_array_equal(store.read_root(name), whole[name])
        assert store.image_ids == (["a"] if arrays else [])


def test_an_image_without_tags_has_empty_arrays(tmp_path: Path) -> None:
    options = {"classes": CLASSES, "run": "r", "round_index": 0, "settings": {}}
    arrays = {"keys": np.zeros(0, np.int64), "refined": np.zeros((0, 3, 4), np.float32)}
    with write_store(tmp_path / "refined.h5", "refined", **options) as store:
        store.write("a", arrays, size=(12, 16))
    with StoreReader(tmp_path / "refined.h5", "refined", ["a"]) as store:
        assert store.read("a", "refined").shape == (0, 3, 4)


def test_the_same_content_is_the_same_file(tmp_path: Path) -> None:
    first, second = write_labels(tmp_path / "a.h5"), write_labels(tmp_path / "b.h5")
    assert first.read_bytes() == second.read_bytes()


def test_label_maps_are_small(tmp_path: Path) -> None:
    options = {"classes": CLASSES, "run": "r", "round_index": 0, "settings": {}}
    with write_store(tmp_path / "labels.h5", "labels", **options) as store:
        store.write("a", {"labels": np.zeros((500, 500), np.uint8)}, (500, 500))
    assert (tmp_path / "labels.h5").stat().st_size < 25_000


def test_a_block_that_raises_leaves_nothing(tmp_path: Path) -> None:
    options = {"classes": CLASSES, "run": "r", "round_index": 0, "settings": {}}
    path = tmp_path / "labels.h5"

    def fail() -> None:
        with write_store(path, "labels", **options) as store:
            store.write("a", {"labels": np.zeros((4, 4), np.uint8)}, (4, 4))
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_block_that_raises_leaves_the_old_store(tmp_path: Path) -> None:
    path = write_labels(tmp_path / "labels.h5")
    before = path.read_bytes()
    with pytest.raises(ValueError, match="takes"):
        write_store_wrongly(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["labels.h5"]


def write_store_wrongly(path: Path) -> None:
    options = {"classes": CLASSES, "run": "r", "round_index": 0, "settings": {}}
    with write_store(path, "labels", **options) as store:
        store.write("a", {}, (4, 4))


def test_missing_store(tmp_path: Path) -> None:
    message = refused(tmp_path / "none.h5")
    assert "cannot be opened as a labels store" in message
    assert "let the workflow make it again" in message


@pytest.mark.parametrize("part", [0.0, 0.001, 0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.9999])
def test_store_cut_off_in_the_middle(tmp_path: Path, part: float) -> None:
    path = write_labels(tmp_path / "labels.h5", count=40)
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    message = refused(path, image_ids=[f"i{k}" for k in range(40)])
    assert "delete it and let the workflow make it again" in message


def test_bytes_lost_within_the_store(tmp_path: Path) -> None:
    """Of the right length, but a block was never written: whoever reads it is told."""
    path = write_labels(tmp_path / "labels.h5", count=40)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4096] = bytes(4096)
    path.write_bytes(content)
    ids = [f"i{k}" for k in range(40)]

    def read_all() -> None:
        with StoreReader(path, "labels", ids) as store:
            for image_id in ids:
                store.read(image_id, "labels")

    with pytest.raises(ContaError) as raised:
        read_all()
    assert str(path) in str(raised.value)
    assert "let the workflow make it again" in str(raised.value)


def test_text_in_place_of_a_store(tmp_path: Path) -> None:
    path = tmp_path / "labels.h5"
    path.write_text("no store\n" * 100)
    assert "cannot be opened" in refused(path)


def change(path: Path, edit: Callable[[h5py.File], None]) -> Path:
    with h5py.File(path, "r+") as file:
        edit(file)
    return path


def test_incomplete_store(tmp_path: Path) -> None:
    path = write_labels(tmp_path / "labels.h5")
    change(path, lambda file: file.attrs.modify("complete", False))
    assert "the store is not complete" in refused(path)
    change(path, lambda file: file.attrs.__delitem__("complete"))
    assert "the store is not complete" in refused(path)


@pytest.mark.parametrize("version", [0, FORMAT_VERSION + 1])
def test_other_version(tmp_path: Path, version: int) -> None:
    path = write_labels(tmp_path / "labels.h5")
    change(path, lambda file: file.attrs.modify("format_version", version))
    assert f"format version {version}, expected {FORMAT_VERSION}" in refused(path)


def test_other_kind(tmp_path: Path) -> None:
    path = write_labels(tmp_path / "labels.h5")
    message = refused(path, "cams")
    assert "format 'conta-labels', expected 'conta-cams'" in message


def test_hdf5_of_somebody_else(tmp_path: Path) -> None:
    path = tmp_path / "other.h5"
    with h5py.File(path, "w", libver="v110") as file:
        file["x"] = np.zeros(3)
    assert "format None, expected 'conta-labels'" in refused(path)


@pytest.mark.parametrize("attribute", ["classes", "run", "round", "settings"])
def test_attribute_that_is_missing(tmp_path: Path, attribute: str) -> None:
    path = write_labels(tmp_path / "labels.h5")
    change(path, lambda file: file.attrs.__delitem__(attribute))
    refused(path)


def test_image_that_is_missing(tmp_path: Path) -> None:
    path = write_labels(tmp_path / "labels.h5")
    message = refused(path, image_ids=["i0", "x8", "x9"])
    assert "lacks 2 images of the manifest, among them ['x8', 'x9']" in message


def test_other_classes(tmp_path: Path) -> None:
    path = write_labels(tmp_path / "labels.h5")
    message = refused(path, classes=("dog", "cat"))
    assert "made for the classes ['cat', 'dog'], expected ['dog', 'cat']" in message
    StoreReader(path, "labels").close()


def test_array_that_is_missing(tmp_path: Path) -> None:
    path = write_labels(tmp_path / "labels.h5")
    with StoreReader(path, "labels") as store:
        for image_id, name in (("i0", "cam"), ("i9", "labels")):
            with pytest.raises(ContaError, match=f"{image_id}/{name} cannot be read"):
                store.read(image_id, name)
        with pytest.raises(ContaError, match="masks cannot be read"):
            store.read_root("masks")


def test_size_of_an_image_that_is_missing(tmp_path: Path) -> None:
    with (
        StoreReader(write_labels(tmp_path / "labels.h5"), "labels") as store,
        pytest.raises(ContaError),
    ):
        store.size("i9")


def test_a_read_only_file_is_read(tmp_path: Path) -> None:
    path = write_labels(tmp_path / "labels.h5")
    path.chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        with StoreReader(path, "labels") as one, StoreReader(path, "labels") as two:
            assert one.image_ids == two.image_ids
    finally:
        tmp_path.chmod(0o755)
