"""Files of others: what numpy and torch write is read to the byte, and nothing else is."""

from __future__ import annotations

import builtins
import io
import os
import pickle
import subprocess
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from conta_core.errors import ContaError
from conta_core.storage.foreign.files import read_foreign
from conta_core.storage.foreign.limits import MAX_STEPS

MOST = 10**6


def cams() -> dict[str, Any]:
    """As IRNet has them: two tensors, one of which begins within its storage, and an array."""
    generator = np.random.default_rng(0)
    whole = torch.from_numpy(generator.random((3, 4, 5), np.float32))
    return {
        "keys": torch.tensor([[0, 3], [1, 9]])[:, 1],
        "cam": whole[1:].permute(0, 2, 1),
        "high_res": generator.random((2, 20, 16), np.float32),
    }


def save_npy(path: Path, values: Any) -> None:
    np.save(path, values, allow_pickle=True)


def save_npy_with(protocol: int) -> Callable[[Path, Any], None]:
    """As older versions of numpy do."""

    def save(path: Path, values: Any) -> None:
        whole = io.BytesIO()
        save_array = np.empty((), object)
        save_array[()] = values
        np.lib.format.write_array_header_1_0(
            whole, {"descr": "|O", "fortran_order": False, "shape": ()}
        )
        pickled = pickle.dumps(save_array, protocol=protocol)
        if protocol < 4:  # names stand there as lines
            pickled = pickled.replace(b"numpy._core.multiarray\n", b"numpy.core.multiarray\n")
        path.write_bytes(whole.getvalue() + pickled)

    return save


def save_old_pt(path: Path, values: Any) -> None:
    torch.save(values, path, _use_new_zipfile_serialization=False)


SAVERS = {
    "npy": save_npy,
    "2.npy": save_npy_with(2),
    "3.npy": save_npy_with(3),
    "5.npy": save_npy_with(5),
    "pt": lambda path, values: torch.save(values, path),
    "old.pt": save_old_pt,
    "npz": lambda path, values: np.savez(path, **values),
    "compressed.npz": lambda path, values: np.savez_compressed(path, **values),
}


def require_same(found: Any, expected: Any) -> None:
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for key, value in expected.items():
            require_same(found[key], value)
    else:
        value = np.asarray(expected)
        assert isinstance(found, np.ndarray)
        assert found.dtype == value.dtype
        np.testing.assert_array_equal(found, value, strict=True)


@pytest.mark.parametrize("ending", SAVERS)
def test_what_is_written_is_read(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    SAVERS[ending](path, cams())
    require_same(read_foreign(path, MOST), cams())


@pytest.mark.parametrize("name", ["f2", "f4", "f8", "i1", "u1", "i2", "i4", "i8", "?", ">f4"])
@pytest.mark.parametrize("ending", ["npy", "2.npy", "pt"])
def test_every_type_of_number(tmp_path: Path, name: str, ending: str) -> None:
    values = {0: np.arange(12).reshape(3, 4).astype(name), 7: np.zeros((0, 3), name)}
    if name != ">f4":
        values[8] = torch.from_numpy(np.asfortranarray(values[0]))
    SAVERS[ending](tmp_path / f"a.{ending}", values)
    require_same(read_foreign(tmp_path / f"a.{ending}", MOST), values)


def test_plain_arrays_and_plain_values(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    for array in (np.arange(6).reshape(2, 3), np.asfortranarray(np.eye(3)), np.zeros((0, 2))):
        np.save(path, array)
        require_same(read_foreign(path, MOST), array)
    values = {
        "list": [1, -2, 3.5, 2**40, None, True, "ä", b"\xff"],
        "tuple": ((), (1,), (1, 2, 3, 4)),
        "set": {1, 2},
        "frozen": frozenset({"a"}),
        "scalar": np.float32(0.5),
        "number": np.int64(7),
        3: {"deep": OrderedDict()},
    }
    save_npy(path, values)
    assert read_foreign(path, MOST) == values
    torch.save(values, tmp_path / "a.pt")
    assert read_foreign(tmp_path / "a.pt", MOST) == values


def test_a_tensor_that_learns_and_shared_storage(tmp_path: Path) -> None:
    whole = torch.arange(10.0)
    values = {"a": whole[:4], "b": whole[2:], "c": torch.ones(2, requires_grad=True).detach()}
    for ending in ("npy", "pt", "old.pt"):
        SAVERS[ending](tmp_path / f"a.{ending}", values)
        require_same(read_foreign(tmp_path / f"a.{ending}", MOST), values)


class Calls:
    """Pickled as a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (Calls(os.system, "touch /tmp/conta-was-here"), "posix.system"),
        (Calls(builtins.eval, "1"), "(builtins|__builtin__).eval"),
        (Calls(builtins.getattr, {}, "keys"), "(builtins|__builtin__).getattr"),
        (Calls(builtins.bytearray, [1]), "(builtins|__builtin__).bytearray"),
        (Calls(subprocess.Popen, ["true"]), "(subprocess|commands).Popen"),
        (Calls(np.load, "x.npy"), "numpy.load"),
        (Calls(np.memmap, "x.npy"), "numpy.memmap"),
        (Calls(np.fromfile, "x.npy"), "numpy.fromfile"),
        (Calls(np.lib.format.open_memmap, "x.npy"), "numpy.lib"),
        (Calls(torch.load, "x.pt"), "torch.serialization.load"),
        (Calls(torch.hub.load, "x"), "torch.hub.load"),
        (Calls(Path, "x"), "pathlib"),
        (np.dtype, "numpy.dtype"),
        (torch.nn.Linear(1, 1), "torch.nn.modules.linear.Linear"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("ending", ["npy", "2.npy", "pt", "old.pt", "npz"])
def test_code_is_refused_by_its_name(tmp_path: Path, call: Any, name: str, ending: str) -> None:
    if ending == "npz" and not isinstance(call, Calls):
        pytest.skip("numpy makes an array of it")
    path = tmp_path / f"a.{ending}"
    SAVERS[ending](path, {"keys": np.zeros(1), "x": [call]})
    if call is np.dtype:
        # what is in the table may be named where nothing is made of it
        assert read_foreign(path, MOST)["x"][0].name == name
        return
    with pytest.raises(ContaError, match=rf"a\.{ending}: refused: it holds '{name}") as error:
        read_foreign(path, MOST)
    assert "expected arrays" in str(error.value)
    assert "save a dict of plain arrays" in str(error.value)
    assert not Path("/tmp/conta-was-here").exists()


def pickled(*instructions: bytes) -> bytes:
    """A .npy file of one object whose pickle is made of these instructions."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|O", "fortran_order": False, "shape": ()}
    )
    return header.getvalue() + b"\x80\x04" + b"".join(instructions) + b"."


ARRAY = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R"
LESS = b"J\xff\xff\xff\xff"
F4 = b"cnumpy\ndtype\nX\x02\0\0\0f4\x89\x88\x87R(K\x03X\x01\0\0\0<NNN" + LESS * 2 + b"K\0tb"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (pickled(b"(ios\nsystem\n"), "instruction INST"),
        (pickled(b"cnumpy\ndtype\n)\x81"), "instruction NEWOBJ"),
        (pickled(b"\x82\x01"), "instruction EXT1"),
        (pickled(b"Pid\n"), "instruction PERSID"),
        (pickled(b"K\x01Q"), "instruction BINPERSID"),
        (pickled(b"cnumpy\nndarray\n)R"), "calls numpy.ndarray, which makes no value"),
        (pickled(b"X\x01\0\0\0x)R"), "calls a str"),
        (pickled(b"})b"), "gives a state to a dict"),
        (pickled(b"}K\x01b"), "gives a state to a dict"),
        (pickled(b"K\x01K\x02a"), "a int in the place of a list"),
        (pickled(b"}(K\x01u"), "a key without a value"),
        (pickled(b"}]K\x01s"), "a list as a key"),
        (pickled(b"}" + b")\x85" * 40000 + b"K\x01s"), "more than 50,000 instructions"),
        (pickled(b"}" + b"\x85" * 3 + b"K\x01s"), "empty stack"),
        (pickled(b"K\x05\x85K\x01K\x02s"), "a tuple in the place of a dict"),
        (pickled(b"0"), "empty stack"),
        (pickled(b"t"), "a mark that it did not set"),
        (pickled(b"q\x00"), "empty stack"),
        (pickled(b"\x8a\xff" + b"\xff" * 254 + b"\x7f"), "a number of 2039 bits"),
        (pickled(b"N" * (MAX_STEPS + 1)), "more than 50,000 instructions"),
        (pickled(ARRAY + b"(K\x01J\xff\xff\xff\x7f\x85" + F4 + b"\x89C\x04abcdtb"),
         "an array of 2147483647 declares 8,589,934,588 bytes, but 4 are there"),
        (pickled(ARRAY + b"(K\x01J\xff\xff\xff\xff\x85" + F4 + b"\x89C\x04abcdtb"),
         "whose shape is no tuple of lengths"),
        (pickled(ARRAY + b"(K\x01K\x01\x85" + F4 + b"\x89Ntb"), "a NoneType in the place"),
        (pickled(ARRAY + b"(K\x01K\x01\x85K\x04\x89C\x04abcdtb"), "a int in the place of an array"),
        (pickled(b"cnumpy\ndtype\nX\x03\0\0\0V16\x89\x88\x87R"), "an array of type 'V16'"),
        (pickled(b"cnumpy\ndtype\n]\x85R"), "an array of type a list"),
        (pickled(b"c_codecs\nencode\nX\x01\0\0\0xX\x03\0\0\0hex\x86R"), "in another form"),
        (pickled(b"ctorch.storage\n_load_from_bytes\nC\x04abcd\x85R"), "empty stack"),
        (b"\x93NUMPY\x01\0v\0{'descr': __import__('os'), }" + b" " * 99, "its header is"),
        (b"\x93NUMPY\x01\0v\0{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }",
         "its header is"),
        (b"", "does not begin as a .npy file"),
        (b"PK\x03\x04 and so on", "does not begin as a .npy file"),
    ],
)  # fmt: skip
def test_what_a_file_may_not_hold(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(content)
    with pytest.raises(ContaError, match=says) as error:
        read_foreign(path, MOST)
    assert str(error.value).startswith(f"{path}: ")


def test_a_header_that_declares_more_than_there_is(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    header = {"descr": "<f4", "fortran_order": False, "shape": (10**9, 10**6)}
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        stream.write(bytes(8))
    with pytest.raises(ContaError, match="declares 4,000,000,000,000,000 bytes, but 8 are there"):
        read_foreign(path, MOST)


def test_a_tensor_that_repeats_its_storage(tmp_path: Path) -> None:
    for ending in ("npy", "pt", "old.pt"):
        path = tmp_path / f"a.{ending}"
        SAVERS[ending](path, {"cam": torch.ones(1).expand(10**6, 10**6)})
        with pytest.raises(ContaError, match="declares 1,000,000,000,000 numbers"):
            read_foreign(path, MOST)


def test_what_unpacks_to_more_than_an_image_needs(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, a=np.zeros(10**6, np.float32))
    assert path.stat().st_size < 10**4
    with pytest.raises(ContaError, match=r"'a.npy' declares 4,000,128 bytes, expected at most"):
        read_foreign(path, MOST)
    bomb = tmp_path / "b.pt"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("x/data.pkl", bytes(10**6))
    with pytest.raises(ContaError, match="compressed otherwise"):
        read_foreign(bomb, MOST)


def test_bytes_that_are_made_again_and_again(tmp_path: Path) -> None:
    """One text of 90 kB, encoded 2,000 times."""
    path = tmp_path / "a.npy"
    text = b"X" + (90_000).to_bytes(4, "little") + b"x" * 90_000
    again = b"c_codecs\nencode\nh\0X\x06\0\0\0latin1\x86R"
    path.write_bytes(pickled(text + b"q\0" + again * 2000))
    with pytest.raises(ContaError, match="declares 90,000 bytes, expected at most"):
        read_foreign(path, MOST)


def test_large_missing_and_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    with pytest.raises(ContaError, match=r"a\.npy: no such file"):
        read_foreign(path, MOST)
    for ending, save in SAVERS.items():
        path = tmp_path / f"a.{ending}"
        save(path, cams())
        size = path.stat().st_size
        with pytest.raises(ContaError, match=f"it has {size:,} bytes, expected at most 1,000 for"):
            read_foreign(path, 1000)
        whole = path.read_bytes()
        for cut in range(0, size - 1, max(1, size // 60)):
            path.write_bytes(whole[:cut])
            with pytest.raises(ContaError, match=str(path)):
                read_foreign(path, MOST)


def test_a_folder_in_the_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.npy").mkdir()
    with pytest.raises(ContaError, match=r"a\.npy: damaged, or no \.npy file \(IsADirectory"):
        read_foreign(tmp_path / "a.npy", MOST)


def test_other_types_of_tensors_are_named(tmp_path: Path) -> None:
    torch.save({"cam": torch.zeros(2, dtype=torch.bfloat16)}, tmp_path / "a.pt")
    with pytest.raises(ContaError, match=r"it holds 'torch\.BFloat16Storage'"):
        read_foreign(tmp_path / "a.pt", MOST)


def test_big_endian_storages(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    torch.save({"cam": torch.zeros(2)}, path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, b"big" if name.endswith("byteorder") else content)
    with pytest.raises(ContaError, match="big-endian"):
        read_foreign(path, MOST)


def test_reading_needs_no_torch() -> None:
    code = (
        "import sys; from conta_core.storage.foreign import files; "
        "assert 'torch' not in sys.modules and 'pickle' not in files.__dict__"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
