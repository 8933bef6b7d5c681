"""Stores: damaged bytes, and structures that HDF5 can hold and a store cannot."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from fuzzing import fuzz, mutated, refuses_or_reads_file
from hypothesis import given
from hypothesis import strategies as st

from conta_core.storage.stores.kinds import IMAGE_ARRAYS
from conta_core.storage.stores.reader import StoreReader
from conta_core.storage.stores.writer import write_store

#: a loop within libhdf5 hears no signal
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600, method="thread")]

IDS = ["a", "b"]
KINDS = ("cams", "labels")


def write(path: Path, kind: str) -> Path:
    options = {"classes": ("cat", "dog"), "run": "r", "round_index": 0, "settings": {"x": [1]}}
    shapes = {"keys": (2,), "cam": (2, 3, 4), "high_res": (2, 12, 16), "probability": (2,)}
    with write_store(path, kind, **options) as store:
        for image_id in IDS:
            arrays = {
                name: np.ones(shapes.get(name, (12, 16)), np.uint8 if kind == "labels" else "f4")
                for name in IMAGE_ARRAYS[kind]
            }
            store.write(image_id, arrays, size=(12, 16))
    return path


def reader(kind: str) -> Callable[[Path], None]:
    def read(path: Path) -> None:
        with StoreReader(path, kind, IDS) as store:
            for image_id in store.image_ids:
                assert image_id in store
                store.size(image_id)
                for name in IMAGE_ARRAYS[kind]:
                    assert store.read(image_id, name).dtype.kind in "biuf"

    return read


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("valid")
    return {kind: write(folder / f"{kind}.h5", kind).read_bytes() for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_bytes(tmp_path: Path, valid: dict[str, bytes], kind: str) -> None:
    @fuzz
    @given(data=mutated(valid[kind]))
    def check(data: bytes) -> None:
        refuses_or_reads_file(tmp_path / "store.h5", data, reader(kind))

    check()


def _link(value: object) -> Callable[[h5py.Group, str], None]:
    def change(group: h5py.Group, name: str) -> None:
        if name in group:
            del group[name]
        group[name] = value

    return change


def _array(**options: object) -> Callable[[h5py.Group, str], None]:
    def change(group: h5py.Group, name: str) -> None:
        if name in group:
            del group[name]
        group.create_dataset(name, **options)

    return change


def _attribute(value: object) -> Callable[[h5py.Group, str], None]:
    def change(group: h5py.Group, name: str) -> None:
        group.attrs[name] = value

    return change


values = st.sampled_from(
    [h5py.Empty("f4"), "text", b"bytes", ["a", "b"], 1, -1, 2**63, 1.5, float("nan"), True, [1, 2],
     [1, 2, 3], np.zeros((2, 0)), np.zeros(5000, "u1"), np.bytes_(b"\xff\xfe"), np.bytes_(b"[[["),
     np.bytes_(b"[" * 3000), np.bytes_(b"conta-cams"), np.zeros(2, [("x", "u1")]), 1j]
)  # fmt: skip
dtypes = st.sampled_from(
    ["u1", "<f4", ">f8", "f2", "?", "S3", "c8", "V5", [("x", "u1")], h5py.ref_dtype,
     h5py.regionref_dtype, h5py.string_dtype(), h5py.vlen_dtype("u1"), ("f4", (2,))]
)  # fmt: skip
shapes = st.one_of(
    st.lists(st.sampled_from([0, 1, 2, 12, 16]), max_size=4).map(tuple),
    st.sampled_from([(2**20, 2**20), (2**40,), (2**60, 0), (2, 2**31, 2**20), (1,) * 32]),
)
storage = st.sampled_from(
    [{}, {"compression": "gzip"}, {"compression": "lzf"}, {"chunks": True}, {"shuffle": True},
     {"fletcher32": True}, {"scaleoffset": 0}, {"maxshape": "free"},
     {"external": [("/etc/passwd", 0, h5py.h5f.UNLIMITED)]}, {"fillvalue": 3}]
)  # fmt: skip


def _odd_array(dtype: object, shape: tuple[int, ...], more: dict) -> Callable:
    options = {"dtype": dtype, "shape": shape, **more}
    if "maxshape" in more:
        options["maxshape"] = (None,) * len(shape)
    return _array(**options)


links = st.sampled_from(
    [h5py.SoftLink("/nowhere"), h5py.SoftLink("/a"), h5py.SoftLink("."), h5py.SoftLink("/a/labels"),
     h5py.ExternalLink("/etc/passwd", "/"), h5py.ExternalLink("store.h5", "/a"),
     h5py.ExternalLink("missing.h5", "/a"), np.dtype("f4")]
).map(_link)  # fmt: skip
changes = st.lists(
    st.tuples(
        st.one_of(
            links,
            values.map(_attribute),
            st.builds(_odd_array, dtypes, shapes, storage),
            values.map(lambda value: _array(data=value)),
            st.just(lambda group, name: group.require_group(name)),
            st.just(lambda group, name: group.pop(name, None)),
        ),
        st.sampled_from(["/", "a"]),
        st.sampled_from(
            [
                "a",
                "b",
                "labels",
                "size",
                "format",
                "format_version",
                "classes",
                "run",
                "round",
                "settings",
                "complete",
                "x",
                "..",
                "é",
            ]
        ),
    ),
    min_size=1,
    max_size=4,
)


@fuzz
@given(changes=changes)
def test_odd_structures(
    tmp_path: Path, valid: dict[str, bytes], changes: list[tuple[Callable, str, str]]
) -> None:
    path = tmp_path / "store.h5"
    path.write_bytes(valid["labels"])
    with h5py.File(path, "r+", libver="v110") as file:
        for change, where, name in changes:
            try:
                if isinstance(file[where], h5py.Group):
                    change(file[where], name)
            except (ValueError, TypeError, KeyError, OSError, RuntimeError, AttributeError):
                continue  # h5py does not write that
    refuses_or_reads_file(path, path.read_bytes(), reader("labels"))


def test_cut_off_anywhere(tmp_path: Path, valid: dict[str, bytes]) -> None:
    for length in itertools.chain(range(200), range(200, len(valid["labels"]), 7)):
        data = valid["labels"][:length]
        refuses_or_reads_file(tmp_path / "store.h5", data, reader("labels"))
