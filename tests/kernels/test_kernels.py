"""Every kernel equals its twin in `kernels/reference.py`: exactly where results are integers, else within rounding."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike import kernels
from lookalike.kernels import reference, simd

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
        scales = rng.uniform(0.5, 2, (n_rotations, d)).astype(np.float32)
        of_cell = rng.integers(0, max(1, n_rotations), k).astype(np.int32)
        narrow = np.rint(rotations * 127).astype(np.int8)
        for kept, by in ((rotations, scales), (narrow, scales / np.float32(127))):
            for name in ("rotate", "rotate_back"):
                got = getattr(kernels, name)(vectors, cells, offsets, kept, by, of_cell)
                want = getattr(reference, name)(vectors, cells, offsets, kept, by, of_cell)
                np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-2)
        frame = (cells, offsets, rotations, np.ones_like(scales), of_cell)
        np.testing.assert_allclose(kernels.rotate_back(kernels.rotate(vectors, *frame), *frame), vectors, atol=1e-3)


def check_codes(rng: np.random.Generator, n: int, k: int, d: int) -> None:
    for bits in (4, 8):
        codes = rng.integers(0, 2**bits, (n, d)).astype(np.uint8)
        packed = kernels.pack_codes(codes, bits)
        assert packed.shape == (n, -(-d * bits // 8))
        np.testing.assert_array_equal(packed, reference.pack_codes(codes, bits))
        np.testing.assert_array_equal(kernels.unpack_codes(packed, d, bits), codes)
        np.testing.assert_array_equal(reference.unpack_codes(packed, d, bits), codes)


def check_local_queries(rng: np.random.Generator, n: int, k: int, d: int) -> None:
    queries, offsets = normal(rng, n, d), normal(rng, k, d)
    cells = rng.integers(0, k, (n, 3))
    for n_rotations in (0, 1, k):
        n_axes = d if n_rotations == 0 else int(rng.integers(1, d + 1))
        rotations = np.linalg.qr(rng.normal(size=(n_rotations, d, d)))[0][:, :n_axes].astype(np.float32)
        scales = rng.uniform(0.5, 2, (n_rotations, n_axes)).astype(np.float32)
        if n_rotations == k:
            rotations, scales = np.rint(rotations * 127).astype(np.int8), scales / np.float32(127)
        of_cell = rng.integers(0, max(1, n_rotations), k).astype(np.int32)
        arguments = (queries, cells, offsets, rotations, scales, of_cell)
        np.testing.assert_allclose(
            kernels.local_queries(*arguments), reference.local_queries(*arguments), rtol=1e-3, atol=1e-4
        )


def check_subvector_tables(rng: np.random.Generator, n: int, k: int, d: int) -> None:
    for size in (16, 256):
        n_rows, m = min(n, 3), 1 + d % 5
        first = m * rng.integers(0, 3, n_rows)  # three sets of codebooks
        arguments = normal(rng, n_rows, m * 3), first, normal(rng, 3 * m, 3, size)
        np.testing.assert_allclose(
            kernels.subvector_tables(*arguments), reference.subvector_tables(*arguments), rtol=1e-4, atol=1e-5
        )


def check_encode_additive(rng: np.random.Generator, n: int, k: int, d: int) -> None:
    m, n = 1 + k % 3, min(n, 4)
    words, vectors = normal(rng, 16 * m, d).astype(np.float64), normal(rng, n, d).astype(np.float64)
    scores = ((words**2).sum(axis=1) - 2 * vectors @ words.T).astype(np.float32)
    cross = (2 * words @ words.T).astype(np.float32)

    def errors(codes: np.ndarray) -> np.ndarray:
        sums = sum(words[16 * j + codes[:, j]] for j in range(m))
        return ((vectors - sums) ** 2).sum(axis=1)

    for beam in (1, 3, 16):
        got, want = kernels.encode_additive(scores, cross, beam), reference.encode_additive(scores, cross, beam)
        assert got.shape == (n, m)
        assert got.max() < 16
        np.testing.assert_allclose(errors(got), errors(want), rtol=1e-3, atol=1e-3)
    if m <= 2:  # a beam of 16 then holds every sum that can become the nearest one
        every = np.array(list(np.ndindex(*(16,) * m)), np.uint8)
        sums = sum(words[16 * j + every[:, j]] for j in range(m))
        least = ((vectors[:, None] - sums) ** 2).sum(axis=2).min(axis=1)
        np.testing.assert_allclose(errors(kernels.encode_additive(scores, cross, 256)), least, rtol=1e-3, atol=1e-3)


def check_codeword_sums(rng: np.random.Generator, n: int, k: int, d: int) -> None:
    arguments = rng.integers(0, 16, (n, k)).astype(np.uint8), rng.random(n).astype(np.float32), normal(rng, n, d)
    for got, want in zip(kernels.codeword_sums(*arguments), reference.codeword_sums(*arguments), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


def check_label_sums(rng: np.random.Generator, n: int, k: int, d: int) -> None:
    first, last = sorted(rng.integers(0, d + 1, 2))
    arguments = normal(rng, n, d), rng.integers(0, k, n).astype(np.int32), k, int(first), int(last)
    got = kernels.label_sums(*arguments)
    np.testing.assert_array_equal(got, reference.label_sums(*arguments))


def check_keys(rng: np.random.Generator, n: int, k: int, d: int) -> None:
    distances = normal(rng, n, k) * np.float32(rng.choice([0, 1e-30, 1, 1e30]))
    rows = rng.integers(-1, 2**32 - 1, (n, k))
    distances[rows == -1] = np.inf
    keys = kernels.join_keys(distances, rows)
    np.testing.assert_array_equal(keys, reference.join_keys(distances, rows))
    for module in (kernels, reference):
        got, got_rows = module.split_keys(keys)
        np.testing.assert_array_equal(got, distances)
        np.testing.assert_array_equal(got_rows, rows)
    flat = np.argsort(keys, axis=None)
    assert (np.diff(distances.reshape(-1)[flat][rows.reshape(-1)[flat] >= 0]) >= 0).all()


def check_nearest_cells(rng: np.random.Generator, n: int, k: int, d: int) -> None:
    k = int(rng.choice([k, 16 * k, 16 * k + 5]))
    for distances in (rng.random((n, k)), rng.integers(0, 4, (n, k)), np.full((n, k), np.inf)):
        wanted = int(rng.integers(1, k + 1)) if rng.random() < 0.5 else 1 + int(rng.integers(1, k + 1)) // 16
        arguments = distances.astype(np.float32), wanted
        np.testing.assert_array_equal(kernels.nearest_cells(*arguments), reference.nearest_cells(*arguments))


def check_encode_subvectors(rng: np.random.Generator, n: int, k: int, d: int) -> None:
    m = 1 + d % 5
    first = m * rng.integers(0, 3, n)  # three sets of codebooks
    for size in (16, 256):
        arguments = normal(rng, n, m * 2), first, normal(rng, 3 * m, 2, size)
        np.testing.assert_array_equal(kernels.encode_subvectors(*arguments), reference.encode_subvectors(*arguments))
    whole = [rng.integers(0, 3, shape).astype(np.float32) for shape in ((n, m * 2), (3 * m, 2, 16))]
    arguments = whole[0], first, whole[1]
    np.testing.assert_array_equal(kernels.encode_subvectors(*arguments), reference.encode_subvectors(*arguments))


def check_blocks(rng: np.random.Generator, n: int, k: int, d: int) -> None:
    offsets = np.concatenate([[0], np.cumsum(rng.integers(0, 40, k))])
    codes = rng.integers(0, 256, (offsets[-1], d)).astype(np.uint8)
    for lanes in (1, 32):
        blocks = kernels.block_codes(codes, offsets, lanes)
        np.testing.assert_array_equal(blocks, reference.block_codes(codes, offsets, lanes))
        np.testing.assert_array_equal(kernels.unblock_codes(blocks, offsets), codes)
        np.testing.assert_array_equal(reference.unblock_codes(blocks, offsets), codes)


def check_scan_lists(rng: np.random.Generator, n: int, k: int, d: int) -> None:
    """All levels give the same bytes; distances are the twin's; what rounded tables lose is bounded by a test below."""
    for bits, lanes, n_parts, n_levels in (
        (4, 32, 1, 0),
        (4, 32, 1, 1),
        (4, 32, 1, 2),
        (8, 32, 1, 0),
        (4, 1, 2, 0),
        (8, 1, 2, 0),
    ):
        vector = bits == 4 and lanes == 32 and n_parts == 1
        m_part = d if n_parts == 1 or bits == 8 else 2 * d
        k, n_queries = min(k, 4), 2
        lengths = rng.integers(0, 70, k)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        n_bytes = -(-(m_part * n_parts + n_levels) * bits // 8)
        blocks = kernels.block_codes(rng.integers(0, 256, (offsets[-1], n_bytes)).astype(np.uint8), offsets, lanes)
        first = np.concatenate([[0], np.cumsum(-(-lengths // lanes))])[:-1]
        spread = rng.choice([1e-6, 1.0, 1e6])
        tables = (rng.gamma(0.5, spread, (k * n_parts, m_part, 2**bits)) - rng.choice([0, spread])).astype(np.float32)
        lists = np.stack([rng.permutation(k) for _ in range(n_queries)])
        lists[rng.random(lists.shape) < 0.2] = -1
        slots = rng.integers(0, k * n_parts, (n_queries, k, n_parts))
        biases = (spread * rng.normal(size=lists.shape)).astype(np.float32)
        scales = rng.random(lists.shape).astype(np.float32)
        levels = (spread * np.sort(rng.normal(size=(n_levels, 2**bits)))).astype(np.float32)
        some = rng.random(offsets[-1]) < 0.5
        for admitted in (np.zeros(0, np.bool_), some):
            arguments = (tables, slots, lists, biases, scales, levels, offsets, first, blocks, admitted, n)
            want, want_rows = reference.scan_lists(*arguments)
            every, every_rows = reference.scan_lists(*arguments[:-1], int(offsets[-1]))
            results, chosen = [], []
            for level in simd.SUPPORTED:
                with pytest.MonkeyPatch.context() as patch:
                    patch.setenv("LOOKALIKE_SIMD", level)
                    results.append(kernels.scan_lists(*arguments))
                    chosen.append(np.sort(kernels.scan_lists(*arguments, rescore=False)[1], axis=1))
            assert all(np.array_equal(each, chosen[0]) for each in chosen)
            assert np.count_nonzero(chosen[0] >= 0) == np.count_nonzero(want_rows >= 0)
            close = 1e-5 * spread * (m_part * n_parts + 2)
            for distances, rows in results:
                np.testing.assert_array_equal(distances, results[0][0])
                np.testing.assert_array_equal(rows, results[0][1])
                assert (distances[:, 1:] >= distances[:, :-1]).all()
                for q in range(n_queries):
                    known = dict(zip(every_rows[q].tolist(), every[q].tolist(), strict=True))
                    found = rows[q][rows[q] >= 0].tolist()
                    assert len(set(found)) == len(found) == np.count_nonzero(want_rows[q] >= 0)
                    np.testing.assert_allclose(
                        distances[q][: len(found)], [known[r] for r in found], rtol=1e-5, atol=close
                    )
                if not vector or n >= offsets[-1]:  # nothing is chosen by rounded tables
                    np.testing.assert_allclose(distances, want, rtol=1e-5, atol=close)


def check_nearest_rows(rng: np.random.Generator, n: int, k: int, d: int) -> None:
    d = int(rng.choice([d, 16, d + 16, 40]))
    queries, vectors = normal(rng, 2, d), normal(rng, n, d)
    vectors[rng.random(n) < 0.2] = 0
    rows = np.stack([rng.permutation(n) for _ in queries])
    rows[rng.random(rows.shape) < 0.2] = -1
    half = np.concatenate([vectors[:-1], np.full((1, d), 6e-8)]).astype(np.float16)  # the last is subnormal
    for stored in (vectors, half):
        for to_zero in (None, 2.0):
            got, got_rows = kernels.nearest_rows(queries, stored, rows, k, to_zero)
            want, want_rows = reference.nearest_rows(queries, stored, rows, k, to_zero)
            np.testing.assert_allclose(got, want, rtol=1e-5)
            every, every_rows = reference.nearest_rows(queries, stored, rows, n, to_zero)
            for q in range(len(queries)):  # two that are as near, but for a last bit, may change places
                known = dict(zip(every_rows[q].tolist(), every[q].tolist(), strict=True))
                found = got_rows[q][got_rows[q] >= 0].tolist()
                assert len(set(found)) == len(found) == np.count_nonzero(want_rows[q] >= 0)
                np.testing.assert_allclose(got[q][: len(found)], [known[row] for row in found], rtol=1e-5)


def check_search_whole(rng: np.random.Generator, n: int, k: int, d: int) -> None:
    """Equal to its steps, to the last bit; and to its twin where all that is visited is compared exactly."""
    n_lists, n_queries, m = k, 3, 2 * d + 1
    lengths = rng.integers(0, 70, n_lists)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    blocks = kernels.block_codes(rng.integers(0, 256, (offsets[-1], d + 1)).astype(np.uint8), offsets, 32)
    first = np.concatenate([[0], np.cumsum(-(-lengths // 32))])[:-1]
    queries, vectors = normal(rng, n_queries, d), normal(rng, int(offsets[-1]), d).astype(np.float16)
    near, tables, means = normal(rng, n_queries, n_lists), normal(rng, n_queries, m, 16), normal(rng, n_lists)
    scales, levels = rng.random(n_lists).astype(np.float32), np.sort(normal(rng, 1, 16))
    n_probe, wanted = int(rng.integers(1, n_lists + 1)), min(n, 5)
    for depth in (max(n, wanted), max(wanted, int(offsets[-1]))):
        arguments = queries, near, tables, means, scales, levels, offsets, first, blocks, vectors, n_probe, depth
        squared, rows, n_codes = kernels.search_whole(*arguments, wanted)
        lists = kernels.nearest_cells(near, n_probe)
        slots = np.repeat(np.arange(n_queries), n_probe).reshape(n_queries, n_probe, 1)
        biases = np.take_along_axis(near, lists, axis=1) + means[lists]
        scanned = tables, slots, lists, biases, scales[lists], levels, offsets, first, blocks, np.zeros(0, np.bool_)
        _, near_rows = kernels.scan_lists(*scanned, depth, rescore=False)
        want, want_rows = kernels.nearest_rows(queries, vectors, near_rows, wanted)
        np.testing.assert_array_equal(squared, want)
        np.testing.assert_array_equal(rows, want_rows)
        np.testing.assert_array_equal(n_codes, lengths[lists].sum(axis=1))
    true, _, true_codes = reference.search_whole(*arguments, wanted)
    np.testing.assert_allclose(squared, true, rtol=1e-5)
    np.testing.assert_array_equal(n_codes, true_codes)


def check_row_products(rng: np.random.Generator, n: int, k: int, d: int) -> None:
    d = int(rng.choice([d, 16, d + 16, 40]))
    query, vectors = normal(rng, d), normal(rng, n, d)
    rows = rng.integers(0, n, k)
    for stored in (vectors, vectors.astype(np.float16)):
        got, want = kernels.row_products(query, stored, rows), reference.row_products(query, stored, rows)
        np.testing.assert_allclose(got, want, atol=1e-4)
    assert kernels.row_products(query, vectors, rows[:0]).shape == (0,)


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


CHECKS: dict[str, Callable[[np.random.Generator, int, int, int], None]] = {
    "assign": check_assign,
    "block_codes": check_blocks,
    "codeword_sums": check_codeword_sums,
    "label_sums": check_label_sums,
    "encode_additive": check_encode_additive,
    "encode_subvectors": check_encode_subvectors,
    "exact_distances": check_exact_distances,
    "join_keys": check_keys,
    "local_queries": check_local_queries,
    "multisequence": check_multisequence,
    "nearest_cells": check_nearest_cells,
    "nearest_rows": check_nearest_rows,
    "pack_codes": check_codes,
    "rotate": check_rotate,
    "rotate_back": check_rotate,
    "row_products": check_row_products,
    "scan_lists": check_scan_lists,
    "search_whole": check_search_whole,
    "split_keys": check_keys,
    "subvector_tables": check_subvector_tables,
    "top_k": check_top_k,
    "unblock_codes": check_blocks,
    "unpack_codes": check_codes,
}


def test_every_kernel_has_a_twin_and_a_comparison() -> None:
    assert sorted(kernels.__all__) == sorted(reference.__all__) == sorted(CHECKS)


@pytest.mark.parametrize("name", sorted(set(CHECKS) - {"rotate_back", "split_keys", "unblock_codes", "unpack_codes"}))
@given(n=SIZES, k=st.integers(1, 20), d=st.integers(1, 12), seed=SEEDS)
def test_kernel_equals_its_twin(name: str, n: int, k: int, d: int, seed: int) -> None:
    CHECKS[name](np.random.default_rng(seed), n, k, d)


@given(seed=SEEDS, m=st.integers(1, 40), depth=st.integers(1, 50))
def test_rounded_tables_lose_at_most_half_a_unit_for_each_code(seed: int, m: int, depth: int) -> None:
    rng = np.random.default_rng(seed)
    n, n_bytes = 600, (m + 1) // 2
    offsets = np.array([0, n])
    blocks = kernels.block_codes(rng.integers(0, 256, (n, n_bytes)).astype(np.uint8), offsets, 32)
    tables = rng.gamma(2.0, 10.0, (1, m, 16)).astype(np.float32)
    zeros, one = np.zeros((1, 1), np.float32), np.ones((1, 1), np.float32)
    arguments = (
        tables, np.zeros((1, 1, 1), np.int64), np.zeros((1, 1), np.int64), zeros, one, np.empty((0, 16), np.float32),
        offsets, np.zeros(1, np.int64), blocks, np.empty(0, np.bool_),
    )  # fmt: skip
    found, _ = kernels.scan_lists(*arguments, depth)
    every, every_rows = reference.scan_lists(*arguments, n)
    want = every[:, :depth]
    _, unordered = kernels.scan_lists(*arguments, depth, rescore=False)
    assert len(set(unordered[0].tolist())) == depth
    by_places = every[0][np.argsort(every_rows[0])][np.sort(unordered[0])]
    spread = tables[0].max(axis=1) - tables[0].min(axis=1)
    unit = np.append(spread, [0.0] * (m % 2)).reshape(-1, 2).sum(axis=1).max() / 255
    assert (found - want <= (m + 1) * unit + 1e-3).all()
    assert (np.sort(by_places) - want[0] <= (m + 1) * unit + 1e-3).all()


@given(seed=SEEDS, m=st.integers(2, 40), wider=st.floats(1, 1e4))
def test_a_list_whose_tables_are_wider_is_rounded_to_what_fits_them(seed: int, m: int, wider: float) -> None:
    rng = np.random.default_rng(seed)
    n, depth, n_bytes = 300, 40, (m + 1) // 2
    offsets = np.array([0, n, 2 * n])
    blocks = kernels.block_codes(rng.integers(0, 256, (2 * n, n_bytes)).astype(np.uint8), offsets, 32)
    tables = rng.gamma(2.0, 10.0, (2, m, 16)).astype(np.float32)
    tables[1] *= wider
    spread = tables.max(axis=2) - tables.min(axis=2)
    units = np.append(spread, np.zeros((2, m % 2)), axis=1).reshape(2, -1, 2).sum(axis=2).max(axis=1) / 255
    # The wide list could be the nearer one by far, and is not: additive tables cancel each other like that.
    least = tables.min(axis=2).sum(axis=1)
    biases = np.array([[0, least[0] - least[1] - 255 * n_bytes * units[0]]], np.float32)
    arguments = (
        tables, np.array([[[0], [1]]]), np.array([[0, 1]]), biases, np.ones((1, 2), np.float32),
        np.empty((0, 16), np.float32), offsets, np.array([0, -(-n // 32)]), blocks, np.empty(0, np.bool_),
    )  # fmt: skip
    want, _ = reference.scan_lists(*arguments, 2 * n)
    found, _ = kernels.scan_lists(*arguments, depth)
    assert (found - want[:, :depth] <= (m + 2) * units.max() + 1e-3 * wider).all()


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
