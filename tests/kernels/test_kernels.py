"""Every kernel equals its twin in `kernels/reference.py`: exactly where results are integers, else within rounding."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike import kernels
from lookalike.kernels import reference

SIZES = st.integers(1, 40)
SEEDS = st.integers(0, 2**32 - 1)


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype(np.float32)


def check_assign(rng: np.random.Generator, n: int, k: int, d: int) -> None:
    vectors, centroids = normal(rng, n, d) + 100, normal(rng, k, d) + 100
    labels, distances = kernels.assign(vectors, centroids)
    _, nearest = reference.assign(vectors, centroids)
    np.testing.assert_allclose(distances, nearest, rtol=1e-3, atol=1e-3)
    chosen = ((vectors.astype(float) - centroids[labels]) ** 2).sum(axis=1)
    np.testing.assert_allclose(chosen, nearest, rtol=1e-3, atol=1e-3)
    whole = rng.integers(0, 4, (n, d)).astype(np.float32), rng.integers(0, 4, (k, d)).astype(np.float32)
    np.testing.assert_allclose(kernels.assign(*whole)[1], reference.assign(*whole)[1], atol=1e-4)


def check_exact_distances(rng: np.random.Generator, n: int, k: int, d: int) -> None:
    query, vectors = normal(rng, d), normal(rng, n, d)
    for stored in (vectors, vectors.astype(np.float16)):
        np.testing.assert_allclose(
            kernels.exact_distances(query, stored), reference.exact_distances(query, stored), rtol=1e-5
        )
    assert kernels.exact_distances(query, query[None]).tolist() == [0]


def check_rotate(rng: np.random.Generator, n: int, k: int, d: int) -> None:
    vectors, offsets = normal(rng, n, d), normal(rng, k, d)
    cells = rng.integers(0, k, n).astype(np.int32)
    for n_rotations in (0, 1, k):
        rotations = np.linalg.qr(rng.normal(size=(n_rotations, d, d)))[0].astype(np.float32)
        of_cell = rng.integers(0, max(1, n_rotations), k).astype(np.int32)
        for name in ("rotate", "rotate_back"):
            got = getattr(kernels, name)(vectors, cells, offsets, rotations, of_cell)
            want = getattr(reference, name)(vectors, cells, offsets, rotations, of_cell)
            np.testing.assert_allclose(got, want, atol=1e-4)
        there = kernels.rotate(vectors, cells, offsets, rotations, of_cell)
        np.testing.assert_allclose(kernels.rotate_back(there, cells, offsets, rotations, of_cell), vectors, atol=1e-4)


def check_codes(rng: np.random.Generator, n: int, k: int, d: int) -> None:
    for bits in (4, 8):
        codes = rng.integers(0, 2**bits, (n, d)).astype(np.uint8)
        packed = kernels.pack_codes(codes, bits)
        assert packed.shape == (n, -(-d * bits // 8))
        np.testing.assert_array_equal(packed, reference.pack_codes(codes, bits))
        np.testing.assert_array_equal(kernels.unpack_codes(packed, d, bits), codes)
        np.testing.assert_array_equal(reference.unpack_codes(packed, d, bits), codes)


def check_adc_tables(rng: np.random.Generator, n: int, k: int, d: int) -> None:
    codebooks, rotated = normal(rng, d, 16, 3), normal(rng, n, d * 3)
    np.testing.assert_allclose(
        kernels.adc_tables(rotated, codebooks), reference.adc_tables(rotated, codebooks), rtol=1e-4
    )


def check_adc_scan(rng: np.random.Generator, n: int, k: int, d: int) -> None:
    for bits in (4, 8):
        tables = rng.random((k, d, 2**bits)).astype(np.float32)
        codes = kernels.pack_codes(rng.integers(0, 2**bits, (n, d)).astype(np.uint8), bits)
        slots = rng.integers(0, k, n)
        np.testing.assert_allclose(
            kernels.adc_scan(tables, codes, slots), reference.adc_scan(tables, codes, slots), rtol=1e-5
        )


def check_multisequence(rng: np.random.Generator, n: int, k: int, d: int) -> None:
    for values in (rng.random((2, k)), rng.integers(0, 4, (2, k))):  # whole numbers give ties
        first, second = values.astype(np.float32)
        for got, want in zip(
            kernels.multisequence(first, second, n), reference.multisequence(first, second, n), strict=True
        ):
            np.testing.assert_array_equal(got, want)


def check_top_k(rng: np.random.Generator, n: int, k: int, d: int) -> None:
    for distances in (rng.random(n), rng.integers(0, 4, n), np.full(n, np.inf)):
        got = kernels.top_k(distances.astype(np.float32), k)
        np.testing.assert_array_equal(got, reference.top_k(distances.astype(np.float32), k))


def check_list_rows(rng: np.random.Generator, n: int, k: int, d: int) -> None:
    starts = rng.integers(0, 100, n)
    ends = starts + rng.integers(0, 5, n)
    for got, want in zip(kernels.list_rows(starts, ends), reference.list_rows(starts, ends), strict=True):
        np.testing.assert_array_equal(got, want)


CHECKS: dict[str, Callable[[np.random.Generator, int, int, int], None]] = {
    "adc_scan": check_adc_scan,
    "adc_tables": check_adc_tables,
    "assign": check_assign,
    "exact_distances": check_exact_distances,
    "list_rows": check_list_rows,
    "multisequence": check_multisequence,
    "pack_codes": check_codes,
    "rotate": check_rotate,
    "rotate_back": check_rotate,
    "top_k": check_top_k,
    "unpack_codes": check_codes,
}


def test_every_kernel_has_a_twin_and_a_comparison() -> None:
    assert sorted(kernels.__all__) == sorted(reference.__all__) == sorted(CHECKS)


@pytest.mark.parametrize("name", sorted(set(CHECKS) - {"rotate_back", "unpack_codes"}))
@given(n=SIZES, k=st.integers(1, 20), d=st.integers(1, 12), seed=SEEDS)
def test_kernel_equals_its_twin(name: str, n: int, k: int, d: int, seed: int) -> None:
    CHECKS[name](np.random.default_rng(seed), n, k, d)


def test_multisequence_visits_the_cells_of_the_papers_figure_in_order() -> None:
    # Distances as in figure 2 of Babenko & Lempitsky, CVPR 2012; the order is sorted by hand.
    first = np.array([0.6, 0.8, 4.1, 6.1, 8.1, 9.1], np.float32)
    second = np.array([2.5, 3, 5, 6, 8, 11], np.float32)
    cells, distances = kernels.multisequence(first, second, 10)
    by_hand = [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2), (0, 3), (2, 0), (1, 3), (2, 1)]
    assert [tuple(cell) for cell in cells] == by_hand
    np.testing.assert_allclose(distances, [3.1, 3.3, 3.6, 3.8, 5.6, 5.8, 6.6, 6.6, 6.8, 7.1], rtol=1e-6)


def test_multisequence_gives_every_cell_once_when_asked_for_more_than_there_are() -> None:
    rng = np.random.default_rng(0)
    cells, distances = kernels.multisequence(normal(rng, 7), normal(rng, 5), 1000)
    assert len({tuple(cell) for cell in cells}) == 35
    assert (np.diff(distances) >= 0).all()


def test_assign_keeps_its_digits_far_from_the_origin() -> None:
    rng = np.random.default_rng(0)
    vectors, centroids = normal(rng, 200, 8) + 10_000, normal(rng, 20, 8) + 10_000
    want = ((vectors[:, None].astype(float) - centroids) ** 2).sum(axis=2).min(axis=1)
    np.testing.assert_allclose(kernels.assign(vectors, centroids)[1], want, rtol=1e-2)


def test_two_four_bit_codes_lie_in_one_byte_even_one_low() -> None:
    assert kernels.pack_codes(np.array([[1, 2, 3]], np.uint8), 4).tolist() == [[0x21, 0x03]]
