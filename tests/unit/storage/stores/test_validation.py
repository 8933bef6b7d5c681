from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from conta_core.errors import ContaError
from conta_core.storage.stores.reader import StoreReader
from conta_core.storage.stores.writer import write_store

OPTIONS = {"classes": ("cat",), "run": "r", "round_index": 0, "settings": {}}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "labels.h5"
    with write_store(path, "labels", **OPTIONS) as writer:
        writer.write("a", {"labels": np.ones((40, 60), np.uint8)}, size=(40, 60))
    return path


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    path = tmp_path / "outside.h5"
    with h5py.File(path, "w") as file:
        file["group/labels"] = np.ones((40, 60), np.uint8)
    return path


def edit(path: Path, change: Callable[[h5py.File], object]) -> None:
    with h5py.File(path, "r+", libver="v110") as file:
        change(file)


def read_all(path: Path) -> None:
    with StoreReader(path, "labels", ["a"]) as store:
        store.size("a")
        store.read("a", "labels")


def refused(path: Path) -> str:
    with pytest.raises(ContaError) as raised:
        read_all(path)
    assert str(path) in str(raised.value)
    assert "let the workflow make it again" in str(raised.value)
    return str(raised.value)


def replace_array(path: Path, **options: object) -> None:
    def change(file: h5py.File) -> None:
        del file["a/labels"]
        file["a"].create_dataset("labels", **options)

    edit(path, change)


def test_external_link_in_place_of_an_image(store: Path, outside: Path) -> None:
    edit(store, lambda f: (f.pop("a"), f.__setitem__("a", h5py.ExternalLink(outside, "group"))))
    assert "a is an external link" in refused(store)


def test_external_link_in_place_of_an_array(store: Path, outside: Path) -> None:
    link = h5py.ExternalLink(outside, "group/labels")
    edit(store, lambda f: (f["a"].pop("labels"), f["a"].__setitem__("labels", link)))
    assert "labels is an external link" in refused(store)


def test_soft_links(store: Path) -> None:
    edit(store, lambda f: f.__setitem__("b", h5py.SoftLink("/nowhere")))
    assert "b is a soft link" in refused(store)


def test_array_whose_bytes_lie_in_another_file(store: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.write_bytes(bytes(2400))
    replace_array(store, shape=(40, 60), dtype=np.uint8, external=[(str(raw), 0, 2400)])
    assert "lie in another file" in refused(store)


def test_virtual_array(store: Path, outside: Path) -> None:
    layout = h5py.VirtualLayout((40, 60), np.uint8)
    layout[:] = h5py.VirtualSource(outside, "group/labels", (40, 60))
    edit(store, lambda f: (f["a"].pop("labels"), f["a"].create_virtual_dataset("labels", layout)))
    assert "lie in another file" in refused(store)


@pytest.mark.parametrize(
    "dtype",
    [
        h5py.ref_dtype,
        h5py.regionref_dtype,
        h5py.string_dtype(),
        h5py.vlen_dtype(np.uint8),
        np.dtype([("x", "u1")]),
        np.dtype("V4"),
        np.dtype("c8"),
    ],
    ids=str,
)
def test_types_that_are_no_numbers(store: Path, dtype: np.dtype) -> None:
    replace_array(store, shape=(4, 6), dtype=dtype)
    assert "expected numbers" in refused(store)


@pytest.mark.parametrize(
    "options",
    [
        {"shape": (2**20, 2**20)},
        {"shape": (2**20, 2**20), "chunks": (64, 64)},
        {"shape": (2**20, 2**20), "chunks": (64, 64), "compression": "gzip"},
        {"shape": (2**20, 2**20), "chunks": (2**10, 2**20), "compression": "gzip"},
    ],
)
def test_absurd_sizes(store: Path, options: dict) -> None:
    replace_array(store, dtype=np.uint8, **options)
    assert "declares 1099511627776 bytes, but 0 are stored" in refused(store)


def test_filters_of_plugins(store: Path) -> None:
    replace_array(store, data=np.ones((40, 60), np.uint8), compression="lzf")
    assert "has the filters [32000]" in refused(store)


def test_group_or_empty_space_in_place_of_an_array(store: Path) -> None:
    edit(store, lambda f: (f["a"].pop("labels"), f["a"].create_group("labels")))
    assert "is no array" in refused(store)
    edit(store, lambda f: f["a"].pop("labels"))
    edit(store, lambda f: f["a"].create_dataset("labels", data=h5py.Empty("u1")))
    assert "has no shape" in refused(store)


@pytest.mark.parametrize("value", ["a text", np.zeros(2**21, np.uint8), h5py.Empty("u1")])
def test_attributes(store: Path, value: object) -> None:
    edit(store, lambda f: f.attrs.__setitem__("run", value))
    refused(store)


@pytest.mark.parametrize("size", [np.array([1, 2, 3]), 5, np.bytes_(b"x")])
def test_size_that_is_none(store: Path, size: object) -> None:
    edit(store, lambda f: f["a"].attrs.__setitem__("size", size))
    assert "the size of a cannot be read" in refused(store)


@pytest.mark.parametrize(
    "table", [np.ones((1, 2), int), np.ones((1, 3)), np.zeros((1, 3), int), np.ones(3, int), None]
)
def test_table_of_sizes_that_is_none(store: Path, table: np.ndarray | None) -> None:
    edit(store, lambda f: f.pop("image sizes"))
    if table is not None:
        edit(store, lambda f: f.create_dataset("image sizes", data=table))
    with StoreReader(store, "labels") as reader, pytest.raises(ContaError, match="image sizes"):
        reader.size_counts()


def test_files_without_checksums_of_their_structure(tmp_path: Path) -> None:
    path = tmp_path / "labels.h5"
    with h5py.File(path, "w", libver="earliest") as file:
        file.attrs["format"] = np.bytes_(b"conta-labels")
    assert "superblock is of version 0, expected 3" in refused(path)
