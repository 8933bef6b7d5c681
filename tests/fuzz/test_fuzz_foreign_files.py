"""Files of others: damaged bytes, odd programs for pickle's machine, calls in their place."""

from __future__ import annotations

import builtins
import io
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fuzzing import fuzz, mutated, refuses_or_reads_file
from hypothesis import given
from hypothesis import strategies as st

from conta_core.data.image_record import ImageRecord
from conta_core.seeds.foreign.sources import open_source

pytestmark = pytest.mark.slow

RECORD = ImageRecord("cams", "cams.jpg", 9, 16, ("a", "b"))
CLASSES = ("a", "x", "y", "b")
KEYS = np.array([0, 3])


class Calls:
    """Pickled as a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def values(**more: Any) -> dict[str, Any]:
    return {
        "keys": torch.tensor([0, 3]),
        "cam": torch.rand(2, 3, 4),
        "high_res": np.ones((2, 9, 16), np.float16),
        **more,
    }


def saved(ending: str, content: Any, protocol: int = 4) -> bytes:
    stream = io.BytesIO()
    if ending == "pt":
        torch.save(content, stream)
    elif ending == "old":
        torch.save(content, stream, _use_new_zipfile_serialization=False)
    elif ending == "npz":
        np.savez(stream, **content)
    else:
        stream.write(header())
        pickle.dump(np.array(content, object), stream, protocol=protocol)
    return stream.getvalue()


def header(shape: tuple[int, ...] = ()) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"descr": "|O", "fortran_order": False, "shape": shape}
    )
    return stream.getvalue()


def read(path: Path) -> None:
    """All the way to CAMs of an image."""
    found = open_source(path.parent, CLASSES).read(RECORD, KEYS)
    assert (found.cam.dtype, found.cam.shape) == (np.float32, (2, 3, 4))
    assert (found.high_res.dtype, found.high_res.shape) == (np.float16, (2, 9, 16))
    assert 0 <= found.cam.min() <= found.cam.max() <= 1
    assert 0 <= found.high_res.min() <= found.high_res.max() <= 1


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("ending", ["npy", "npz", "pt", "old"])
def test_damaged_bytes(tmp_path: Path, ending: str) -> None:
    here = tmp_path / "made"
    calls = {
        "x": Calls(os.system, f"touch {here}"),
        "y": Calls(builtins.exec, f"open({str(here)!r}, 'w')"),
        "z": Calls(np.load, str(here), None, True),
    }
    valid = [saved(ending, values()), saved(ending, {"x": [np.float32(1)]})]
    if ending != "npz":
        valid.append(saved(ending, values(**calls)))
    if ending == "npy":
        valid += [saved(ending, values(), protocol) for protocol in (2, 3, 5)]
    path = tmp_path / f"cams.{'pt' if ending == 'old' else ending}"

    @fuzz
    @given(data=mutated(*valid))
    def check(data: bytes) -> None:
        refuses_or_reads_file(path, data, read)

    check()
    assert not here.exists()


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


NAMES = [
    "numpy.core.multiarray _reconstruct", "numpy._core.multiarray scalar", "numpy dtype",
    "numpy ndarray", "numpy._core.numeric _frombuffer", "_codecs encode", "torch FloatStorage",
    "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_tensor", "builtins set",
    "torch.storage _load_from_bytes", "collections OrderedDict", "builtins bytes", "posix system",
    "builtins eval", "builtins getattr", "numpy fromfile", "torch.serialization load",
]  # fmt: skip
pieces = st.one_of(
    # a whole array, its parts, and whatever the machine can be told
    st.sampled_from(NAMES).map(lambda name: b"c" + name.replace(" ", "\n").encode() + b"\n"),
    st.sampled_from(
        [b"(", b")", b"t", b"l", b"d", b"}", b"]", b"\x8f", b"a", b"e", b"s", b"u", b"\x90",
         b"\x91", b"0", b"1", b"2", b"R", b"b", b"Q", b"\x81", b"\x92", b"\x93", b"\x94", b"\x85",
         b"\x86", b"\x87", b"N", b"\x88", b"\x89", b"o", b".", b"\x97", b"\x98"]
    ),
    st.sampled_from(["f4", "<f4", "O8", "V8", "latin1", "hex", "C", "F", "storage", "0", "<", "|"])
    .map(text),
    st.sampled_from([0, 1, 2, -1, 255, 2**31 - 1, -(2**31)]).map(
        lambda value: b"J" + struct.pack("<i", value)
    ),
    st.sampled_from([2**31, 2**48, 2**62]).map(lambda n: b"\x8a\x08" + n.to_bytes(8, "little")),
    st.binary(max_size=40).map(lambda value: b"C" + bytes([len(value)]) + value),
    st.sampled_from([4, 2**31, 2**62]).map(lambda value: b"\x8e" + struct.pack("<Q", value)),
    st.integers(0, 3).map(lambda place: b"q" + bytes([place])),
    st.integers(0, 3).map(lambda place: b"h" + bytes([place])),
    st.just(b"r\xff\xff\xff\xff"),
    st.just(b"(K\x01K\x04\x85cnumpy\ndtype\n" + text("f4") + b"\x89\x88\x87R"),
    st.just(b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R"),
    st.sampled_from([b"(N", b"\x85", b"]", b"2"]).map(lambda piece: piece * 3000),
)  # fmt: skip


def test_odd_programs(tmp_path: Path) -> None:
    path = tmp_path / "cams.npy"

    @fuzz
    @given(
        shape=st.sampled_from([(), (1,), (2**40,)]),
        parts=st.lists(pieces, min_size=1, max_size=30),
    )
    def check(shape: tuple[int, ...], parts: list[bytes]) -> None:
        program = b"\x80\x04" + b"".join(parts) + b"."
        refuses_or_reads_file(path, header(shape) + program, read)

    check()
