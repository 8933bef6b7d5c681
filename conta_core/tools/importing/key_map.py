"""From the names of a published file to ours, one to one, with nothing skipped silently."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from conta_core.errors import ContaError

#: our name -> every name that the published file has for the same tensor
Names = Callable[[str], tuple[str, ...]]
COUNTER = ".num_batches_tracked"
LISTED = 8


def load_published(
    module: nn.Module,
    tensors: Mapping[str, Tensor],
    names: Names,
    path: Path,
    dropped: Collection[str] = (),
) -> None:
    """Fill a module from a published state dict, all of one and all of the other.

    The counters of the batch norms (``num_batches_tracked``) may be absent altogether, as in
    files older than torch 0.4.1 or converted from Caffe: they are 0 then. A part of them is
    an error like every other missing key.

    Args:
        module: of ours; changed only where all of it fits.
        tensors: the published state dict.
        names: of the published file, for each name of ours.
        path: of the file, for the errors.
        dropped: names of the file that have no place in the module.

    Raises:
        ContaError: keys missing or left over, other shapes or types, or different values under
            names of one tensor, by name.
    """
    own = module.state_dict()
    if not any(name.endswith(COUNTER) for name in tensors):
        own = {key: value for key, value in own.items() if not key.endswith(COUNTER)}
    published = {key: names(key) for key in own}
    expected = {name: own[key] for key, aliases in published.items() for name in aliases}
    missing = [name for name in expected if name not in tensors]
    left_over = [name for name in tensors if name not in expected and name not in dropped]
    misfit = [
        f"{name}: {_describe(tensors[name])} for {_describe(value)}"
        for name, value in expected.items()
        if name in tensors and _describe(tensors[name]) != _describe(value)
    ]
    if missing or left_over or misfit:
        raise ContaError(
            f"{path}: does not fit: missing {listed(missing)}; left over {listed(left_over)}; "
            f"other shapes {listed(misfit)}; give a checkpoint of this very architecture"
        )
    unequal = [
        " and ".join(aliases)
        for aliases in published.values()
        if not all(torch.equal(tensors[aliases[0]], tensors[name]) for name in aliases[1:])
    ]
    if unequal:
        raise ContaError(
            f"{path}: names of one tensor hold different values: {listed(unequal)}; the file was "
            "put together from several: give the one that the training wrote"
        )
    state = {key: tensors[aliases[0]] for key, aliases in published.items()}
    module.load_state_dict({**module.state_dict(), **state})


def listed(names: Iterable[str]) -> str:
    """Names for an error: the first few, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"[{', '.join(names[:LISTED])}]{more}"


def _describe(tensor: Tensor) -> str:
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"
