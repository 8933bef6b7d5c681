"""Reading .npy, .npz and .pt files of other programs."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

from conta_core.errors import ContaError
from conta_core.storage.foreign.limits import Budget, RefusedError
from conta_core.storage.foreign.numpy_arrays import read_npy
from conta_core.storage.foreign.torch_tensors import read_pt, torch_names
from conta_core.storage.foreign.zip_files import read_member

#: what is read
ENDINGS = (".npy", ".npz", ".pt", ".pth")


def read_foreign(path: Path, most_bytes: int) -> Any:
    """The value of a file: arrays and tensors as numpy arrays, in plain containers.

    Nothing in the file is run, and no module is imported for it.

    Args:
        path: of the file, with one of the :data:`ENDINGS`.
        most_bytes: that the file may have, and that what it declares may take again.

    Returns:
        Of a .npz file a dict, name of the array -> its value; else what was saved. The arrays are
        read-only, of numbers or bools.

    Raises:
        ContaError: missing, damaged, too large, or with anything else in it, which is named.
    """
    budget = Budget(most_bytes)
    try:
        with path.open("rb") as stream:
            content = stream.read(most_bytes + 1)
        if len(content) > most_bytes:
            raise RefusedError(
                f"it has {path.stat().st_size:,} bytes, expected at most {most_bytes:,} for an "
                "image of this size"
            )
        if path.suffix == ".npy":
            return read_npy(content, torch_names(budget), budget)
        return _read_npz(content, budget) if path.suffix == ".npz" else read_pt(content, budget)
    except FileNotFoundError:
        raise ContaError(f"{path}: no such file; expected one of {', '.join(ENDINGS)}") from None
    except RefusedError as error:
        raise ContaError(
            f"{path}: refused: {error}; save a dict of plain arrays, by np.save, np.savez or "
            "torch.save"
        ) from None
    except MemoryError:
        raise
    except Exception as error:  # damaged bytes fail in every way there is
        raise ContaError(
            f"{path}: damaged, or no {path.suffix} file ({type(error).__name__}: "
            f"{str(error)[:120]}); write it again"
        ) from None


def _read_npz(content: bytes, budget: Budget) -> dict[str, Any]:
    names = torch_names(budget)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.namelist()
        others = [name for name in members if not name.endswith(".npy")]
        if others:
            raise RefusedError(f"it has {others[0][:100]!r} in it, expected .npy files alone")
        return {
            name.removesuffix(".npy"): read_npy(read_member(archive, name, budget), names, budget)
            for name in members
        }
