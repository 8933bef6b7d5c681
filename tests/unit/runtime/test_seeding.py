from __future__ import annotations

import hashlib
import itertools
import subprocess
import sys

import numpy as np
import torch

from conta_core.runtime.seeding import derive_seed, numpy_generator, torch_generator

#: parts that a careless join would take for one another
PARTS = [
    (),
    (0,),
    ("0",),
    ("",),
    ("", ""),
    (0, 1, "train_cam"),
    (1, 0, "train_cam"),
    (0, 1, "train_irn"),
    (0, 1, "train", "_cam"),
    (0, "1", "train_cam"),
    (1,),
    (11,),
    (1, 1),
    ("1int:1",),
    (-1,),
    ("a", "b"),
    ("ab",),
    ("a b",),
    ("a,b",),
]


def test_different_parts_are_different_seeds() -> None:
    seeds = [derive_seed(*parts) for parts in PARTS]
    for (i, one), (j, other) in itertools.combinations(enumerate(seeds), 2):
        assert one != other, (PARTS[i], PARTS[j])
    many = {derive_seed(seed, index, "s") for seed in range(50) for index in range(50)}
    assert len(many) == 2500


def test_range() -> None:
    seeds = [derive_seed(index) for index in range(2000)]
    assert all(0 <= seed < 2**63 for seed in seeds)
    # spread over the whole range
    assert min(seeds) < 2**54
    assert max(seeds) > 2**63 - 2**54


def test_written_out() -> None:
    text = "int:3\x1fint:1\x1fstr:train_cam"
    expected = int(hashlib.sha256(text.encode()).hexdigest()[:16], 16) // 2
    assert derive_seed(3, 1, "train_cam") == expected


def test_the_same_in_another_process() -> None:
    """Not a hash that changes from process to process."""
    code = "from conta_core.runtime.seeding import derive_seed; print(derive_seed(0, 2, 'walk'))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert int(found.stdout) == derive_seed(0, 2, "walk")


def test_generators() -> None:
    parts = (5, 0, "stage")
    one, other = numpy_generator(*parts), numpy_generator(*parts)
    np.testing.assert_array_equal(one.random(8), other.random(8))
    assert numpy_generator(5, 1, "stage").random() != numpy_generator(*parts).random()
    first = torch.rand(8, generator=torch_generator(*parts))
    assert torch.equal(torch.rand(8, generator=torch_generator(*parts)), first)
    assert not torch.equal(torch.rand(8, generator=torch_generator(6, 0, "stage")), first)


def test_no_global_state_moves() -> None:
    torch.manual_seed(0)
    before, numpy_before = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    torch.rand(2, generator=torch_generator(1))
    numpy_generator(1).random()
    assert torch.equal(torch.random.get_rng_state(), before)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)
