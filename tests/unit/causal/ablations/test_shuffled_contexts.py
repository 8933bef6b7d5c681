from __future__ import annotations

import numpy as np
import pytest

from conta_core.causal.ablations.shuffled_contexts import shuffle_places
from conta_core.errors import ContaError


@pytest.mark.parametrize("sizes", [(8, 4), (2, 0), (50, 3)])
def test_each_gets_anothers_of_its_own_list(sizes: tuple[int, int]) -> None:
    first = sizes[0]
    for seed in range(20):
        places = shuffle_places(sizes, (seed, 0))
        assert (places != np.arange(sum(sizes))).all()
        assert sorted(places[:first]) == list(range(first))
        assert sorted(places[first:]) == list(range(first, sum(sizes)))


def test_hangs_on_its_draws_alone() -> None:
    one = shuffle_places((30, 20), (0, 1))
    np.random.default_rng().random(3)
    np.testing.assert_array_equal(shuffle_places((30, 20), (0, 1)), one)
    for others in ((1, 1), (0, 2)):
        assert (shuffle_places((30, 20), others) != one).any()
    # a list's draws are its own
    np.testing.assert_array_equal(shuffle_places((30, 0), (0, 1)), one[:30])


def test_a_single_image_has_no_other() -> None:
    with pytest.raises(ContaError, match="a list adds a single image"):
        shuffle_places((8, 1), (0, 0))
