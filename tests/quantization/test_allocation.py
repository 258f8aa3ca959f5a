"""Eigenvalue allocation balances products of variances (Ge et al., CVPR 2013, section 3.2.4)."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lookalike.quantization import eigenvalue_allocation


def test_a_small_example_worked_out_by_hand() -> None:
    # 16 -> first; 8 -> second (1 < 16); 4 -> second (8 < 16), now full; 2 -> first. Products 32 and 32.
    assert eigenvalue_allocation(np.array([16.0, 8, 4, 2]), 2).tolist() == [0, 3, 1, 2]


def test_order_of_the_eigenvalues_given_does_not_matter() -> None:
    values = np.array([2.0, 4, 8, 16])
    assert values[eigenvalue_allocation(values, 2)].tolist() == [16, 2, 8, 4]


def test_values_below_one_are_scaled_as_in_yahoo_lopq() -> None:
    values = np.array([16.0, 8, 4, 2])
    np.testing.assert_array_equal(eigenvalue_allocation(values / 1e6, 2), eigenvalue_allocation(values, 2))


def test_zero_and_negative_values_are_placed_too() -> None:
    assert sorted(eigenvalue_allocation(np.array([1.0, 0, 0, 0.5, -1e-12, 0]), 3)) == [0, 1, 2, 3, 4, 5]
    assert sorted(eigenvalue_allocation(np.zeros(4), 2)) == [0, 1, 2, 3]


@given(n_buckets=st.integers(1, 8), size=st.integers(1, 8), seed=st.integers(0, 2**32 - 1))
def test_result_is_a_permutation_and_no_less_balanced_than_falling_order(n_buckets: int, size: int, seed: int) -> None:
    values = np.sort(np.random.default_rng(seed).exponential(size=n_buckets * size))[::-1]
    order = eigenvalue_allocation(values, n_buckets)
    assert sorted(order) == list(range(n_buckets * size))
    allocated = np.log(values[order]).reshape(n_buckets, size).sum(axis=1)
    falling = np.log(values).reshape(n_buckets, size).sum(axis=1)
    assert np.ptp(allocated) <= np.ptp(falling) + 1e-9
