"""The model against definitions written out in float64, and its promises at the edges."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.errors import InvalidArgumentError
from lookalike.quantization import AdditiveQuantizer, LOPQModel, ProductQuantizer
from lookalike.quantization.arrangement import arranged

SMALL: dict[str, Any] = {"n_coarse": 8, "n_subquantizers": 8}
PRODUCT: dict[str, Any] = {**SMALL, "codebooks": "shared"}
KINDS = [(c, r, b) for c in ("ivf", "multi_index") for r in ("local", "global", "none") for b in (4, 8)]


@pytest.mark.parametrize(("coarse", "rotation", "bits"), KINDS)
def test_encode_and_decode_follow_the_definition(clustered: np.ndarray, coarse: str, rotation: str, bits: int) -> None:
    model = LOPQModel.fit(clustered, coarse=coarse, rotation=rotation, bits=bits, **PRODUCT)
    vectors = clustered[:50]
    cells, codes = model.encode(vectors)
    n_parts = 2 if coarse == "multi_index" else 1
    assert cells.dtype == np.int32
    assert cells.shape == ((50,) if n_parts == 1 else (50, 2))
    assert codes.dtype == np.uint8
    assert codes.shape == (50, 8 * bits // 8)

    projected = (vectors.astype(float) - model.projection.mean) @ model.projection.basis.astype(float)
    books = model.product.codebooks.astype(float)
    m = 8 // n_parts
    rebuilt = np.zeros_like(projected)
    for i, whole in enumerate(np.split(projected, n_parts, axis=1)):
        centroids, offsets = model.coarse.centroids[i].astype(float), model.frames.offsets[i].astype(float)
        for row, y in enumerate(whole):
            cell = int(((y - centroids) ** 2).sum(axis=1).argmin())
            assert cell == cells.reshape(50, -1)[row, i]
            r = model.frames.rotation(i, cell).astype(float)
            local = r @ (y - offsets[cell])
            chosen = [
                books[i * m + j, ((part - books[i * m + j]) ** 2).sum(axis=1).argmin()]
                for j, part in enumerate(np.split(local, m))
            ]
            rebuilt[row, i * len(y) : (i + 1) * len(y)] = r.T @ np.concatenate(chosen) + offsets[cell]
    wanted = rebuilt @ model.projection.basis.T.astype(float) + model.projection.mean
    np.testing.assert_allclose(model.decode(cells, codes), wanted, atol=1e-3)


@pytest.mark.parametrize(
    ("coarse", "rotation", "bits"),
    [("ivf", "local", 4), ("ivf", "grouped", 8), ("multi_index", "local", 8), ("multi_index", "global", 4)],
)
def test_local_codebooks_follow_the_definition(clustered: np.ndarray, coarse: str, rotation: str, bits: int) -> None:
    model = LOPQModel.fit(
        clustered, coarse=coarse, rotation=rotation, bits=bits, codebooks="local", n_rotations=3, **SMALL
    )
    vectors = clustered[:50]
    cells, codes = model.encode(vectors)
    n_parts = model.coarse.n_parts
    m = 8 // n_parts
    books = model.product.codebooks.astype(float)
    assert books.shape == (8, 8, 2**bits, 3)
    projected = model.project(vectors).astype(float)
    rebuilt = np.zeros_like(projected)
    for i, whole in enumerate(np.split(projected, n_parts, axis=1)):
        for row, y in enumerate(whole):
            cell = cells.reshape(50, -1)[row, i]
            r, offset = model.frames.rotation(i, cell).astype(float), model.frames.offsets[i, cell].astype(float)
            chosen = [
                book[((part - book) ** 2).sum(axis=1).argmin()]
                for book, part in zip(books[cell, i * m : (i + 1) * m], np.split(r @ (y - offset), m), strict=True)
            ]
            rebuilt[row, i * len(y) : (i + 1) * len(y)] = r.T @ np.concatenate(chosen) + offset
    np.testing.assert_allclose(model.project(model.decode(cells, codes)), rebuilt, atol=2e-3)
    queries = clustered[-5:]
    wanted = ((model.project(queries)[:, None].astype(float) - rebuilt) ** 2).sum(axis=2)
    np.testing.assert_allclose(model.estimates(queries, cells, codes), wanted, rtol=1e-3, atol=0.05)


@pytest.mark.parametrize("arguments", [{}, {"bits": 8}, {"coarse": "multi_index"}, {"rotation": "none"}])
def test_codebooks_of_cells_err_less_than_shared_ones(clustered: np.ndarray, arguments: dict[str, Any]) -> None:
    settings = {"rotation": "local", **SMALL, **arguments}
    shared, local = (LOPQModel.fit(clustered, codebooks=kind, **settings) for kind in ("shared", "local"))
    assert local.distortion(clustered) < 0.95 * shared.distortion(clustered)
    assert local.n_bytes == shared.n_bytes
    assert local.cost == shared.cost
    books = shared.product.codebooks.nbytes
    assert local.n_model_bytes - shared.n_model_bytes == 7 * books


def test_codebooks_of_a_single_cell_are_the_shared_ones() -> None:
    rng = np.random.default_rng(0)
    local, cells = rng.normal(size=(300, 12)).astype(np.float32), np.zeros((300, 1), np.int32)
    shared = ProductQuantizer.fit(local, 4, 4, rng, n_rounds=100)  # until k-means settles
    own = shared.with_local_codebooks(local, cells, 1)
    np.testing.assert_allclose(own.codebooks[0], shared.codebooks, atol=1e-5)
    np.testing.assert_array_equal(own.encode(local, cells), shared.encode(local, cells))


def test_more_rounds_of_local_codebooks_never_err_more(clustered: np.ndarray) -> None:
    cells = (np.arange(3000) % 7).astype(np.int32)[:, None]
    shared = ProductQuantizer.fit(clustered, 8, 4, np.random.default_rng(0))
    errors = []
    for n_rounds in (0, 1, 3, 10, 30):
        own = shared.with_local_codebooks(clustered, cells, 7, n_rounds=n_rounds)
        errors.append(((clustered - own.decode(own.encode(clustered, cells), cells)) ** 2).sum())
    assert errors[0] == pytest.approx(((clustered - shared.decode(shared.encode(clustered, cells), cells)) ** 2).sum())
    assert errors == sorted(errors, reverse=True)


def test_a_cell_without_vectors_has_the_shared_codebooks_and_a_small_one_nearly(clustered: np.ndarray) -> None:
    centroids = np.concatenate([clustered[:5] * 0, clustered[:1] + 1e4])[None]
    centroids[0, :4] += np.eye(4, 24) * 8
    settings = {"coarse": centroids, "n_subquantizers": 8, "rotation": "local"}
    shared, local = (LOPQModel.fit(clustered, codebooks=kind, **settings) for kind in ("shared", "local"))
    counts = np.bincount(local.encode(clustered)[0], minlength=6)
    assert counts[5] == 0
    moved = abs(local.product.codebooks - shared.product.codebooks).max(axis=(1, 2, 3))
    assert moved[5] < 1e-6
    assert (moved[counts > 100] > 0.1).all()
    assert np.isfinite(local.product.codebooks).all()


@pytest.mark.parametrize("codebooks", ["shared", "local"])
def test_an_error_code_names_the_level_nearest_to_half_the_squared_error(clustered: np.ndarray, codebooks: str) -> None:
    model = LOPQModel.fit(clustered, n_coarse=8, n_subquantizers=7, error_code=True, dim=21, codebooks=codebooks)
    cells, codes = model.encode(clustered)
    assert codes.shape == (3000, 4)
    levels = model.product.error_levels
    assert (np.diff(levels) >= 0).all()
    local = model.frames.to_local(model.project(clustered), cells[:, None])
    half = ((local - model.product.decode(codes, cells[:, None])) ** 2).sum(axis=1) / 2
    named = levels[codes[:, 3] >> 4]
    np.testing.assert_allclose(abs(named - half), abs(levels[:, None] - half).min(axis=0), atol=1e-4)


@pytest.mark.parametrize("rotation", ["local", "grouped", "none"])
def test_additive_codes_are_sums_of_codewords_and_a_norm(clustered: np.ndarray, rotation: str) -> None:
    model = LOPQModel.fit(clustered, codebooks="additive", rotation=rotation, n_rotations=3, **SMALL)
    assert isinstance(model.product, AdditiveQuantizer)
    vectors = clustered[:200]
    cells, packed = model.encode(vectors)
    assert packed.shape == (200, 4)
    codes = np.stack([packed[:, j // 2] >> 4 if j % 2 else packed[:, j // 2] & 15 for j in range(8)], axis=1)
    projected = (vectors.astype(float) - model.projection.mean) @ model.projection.basis.astype(float)
    origins = model.coarse.centroids[0].astype(float)
    books, levels = model.product.codebooks.astype(float), model.product.norm_levels[0].astype(float)
    rebuilt, squared = np.empty_like(projected), np.empty((200, 5))
    queries = model.project(clustered[-5:]).astype(float)
    for i, y in enumerate(projected):
        cell = int(((y - origins) ** 2).sum(axis=1).argmin())
        assert cell == cells[i]
        total = sum(books[j][codes[i, j]] for j in range(7))
        r = np.eye(24)
        if rotation != "none":
            r = model.frames.rotation(0, cell).astype(float)
            total = total * model.product.spreads[cell]
        rebuilt[i] = r.T @ total + origins[cell]
        residual = y - origins[cell]
        norm = float(model.product.norm_means[cell]) + float(model.product.norm_scales[cell]) * levels[codes[i, 7]]
        turned = r @ residual
        wanted = total @ total + 0.4 * ((turned - total) ** 2).sum()
        wanted += 0.4 * max(0, residual @ residual - turned @ turned)
        anchor = queries if rotation == "none" else queries - origins[cell]
        if rotation == "none":
            wanted += 2 * origins[cell] @ total
        near = model.product.norm_means[cell] + model.product.norm_scales[cell] * levels
        assert abs(norm - wanted) <= np.abs(near - wanted).min() + 0.02 * abs(wanted) + 1e-3
        squared[i] = ((queries - origins[cell]) ** 2).sum(axis=1) - 2 * anchor @ (r.T @ total) + norm
    np.testing.assert_allclose(
        model.decode(cells, packed), rebuilt @ model.projection.basis.T.astype(float) + model.projection.mean, atol=1e-3
    )
    np.testing.assert_allclose(model.estimates(clustered[-5:], cells, packed), squared.T, rtol=1e-3, atol=0.05)


def test_additive_codes_err_less_than_product_codes_of_the_same_bytes(clustered: np.ndarray) -> None:
    for rotation in ("local", "global"):
        additive, product = (
            LOPQModel.fit(clustered, rotation=rotation, codebooks=kind, **SMALL) for kind in ("additive", "shared")
        )
        assert additive.n_bytes == product.n_bytes
        assert additive.distortion(clustered) < product.distortion(clustered)


def test_auto_reports_what_it_tried_and_takes_the_best(clustered: np.ndarray) -> None:
    model = LOPQModel.fit(clustered, n_coarse=2, n_subquantizers=8)
    chosen, *others = model.report
    tried = [(each["rotation"], each["codebooks"]) for each in model.report]
    assert sorted(tried) in (
        sorted([("none", "additive"), ("local", "additive"), (rotation, "shared")]) for rotation in ("none", "local")
    )
    assert chosen["chosen"]
    assert not any(other["chosen"] for other in others)
    assert all(chosen["recall_10"] >= other["recall_10"] - 0.01 for other in others)
    assert chosen["model_bytes"] == model.n_model_bytes
    assert all(each["distortion"] > 0 and each["cost"] >= 0 for each in model.report)
    assert all("of the ten nearest" in each["reason"] for each in model.report)
    arguments: dict[str, Any] = {"rotation": "none", "n_coarse": 2, "n_subquantizers": 8}
    assert LOPQModel.fit(clustered, codebooks="additive", **arguments).report == ()


@pytest.mark.parametrize(("n_subquantizers", "wanted"), [(8, "shared"), (32, "additive")])
@pytest.mark.parametrize("rotation", ["auto", "local", "grouped"])
def test_auto_takes_the_codebooks_that_find_more(
    clustered: np.ndarray, rotation: str, n_subquantizers: int, wanted: str
) -> None:
    model = LOPQModel.fit(clustered, n_coarse=8, n_subquantizers=n_subquantizers, rotation=rotation)
    chosen = model.report[0]
    assert chosen["codebooks"] == wanted
    assert isinstance(model.product, ProductQuantizer if wanted == "shared" else AdditiveQuantizer)
    assert chosen["model_bytes"] == model.n_model_bytes
    assert chosen["cost"] == model.cost
    assert {each["codebooks"] for each in model.report} == {"additive", "shared"}


@pytest.mark.parametrize("rotation", ["none", "global", "grouped", "local"])
def test_codebooks_of_sums_are_the_same_after_a_trial_as_on_request(clustered: np.ndarray, rotation: str) -> None:
    """32 codes of 24 dimensions: more sub-vectors than axes, which are filled with zeros for the trial."""
    tried = LOPQModel.fit(clustered, rotation=rotation, n_coarse=8, n_subquantizers=32)
    assert [each["rotation"] for each in tried.report] == [rotation] * 2
    assert [each["codebooks"] for each in tried.report] == ["additive", "shared"]
    assert tried.report[1]["recall_10"] > 0.8
    asked = LOPQModel.fit(clustered, rotation=rotation, n_coarse=8, n_subquantizers=32, codebooks="additive")
    assert asked.report == ()
    np.testing.assert_allclose(tried.distortion(clustered), asked.distortion(clustered), rtol=0.1)


def test_nothing_is_tried_with_few_vectors_or_parts_that_are_given(clustered: np.ndarray) -> None:
    few = LOPQModel.fit(clustered[:1999], rotation="local", n_coarse=4, n_subquantizers=8)
    assert few.report == ()
    assert isinstance(few.product, AdditiveQuantizer)
    parts: tuple[dict[str, Any], ...] = ({"start": few}, {"coarse": few.coarse.centroids, "rotation": "local"})
    for part in parts:
        model = LOPQModel.fit(clustered, n_subquantizers=8, **part)
        assert model.report == ()
        assert isinstance(model.product, AdditiveQuantizer)


@pytest.mark.parametrize("rotation", ["none", "global", "grouped", "local"])
@pytest.mark.parametrize("m", [5, 7, 8, 16, 32])
def test_arranging_axes_for_product_codes_changes_no_cell_and_loses_little(
    clustered: np.ndarray, rotation: str, m: int
) -> None:
    model = LOPQModel.fit(clustered, rotation=rotation, n_coarse=8, n_subquantizers=8, codebooks="additive")
    y = model.project(clustered)
    projection, coarse, frames, moved = arranged(model.projection, model.coarse, model.frames, y, m)
    np.testing.assert_array_equal(moved, projection.project(clustered))
    assert frames.n_axes % m == 0
    cells = model.coarse.assign(y)
    if rotation != "none" or frames.n_axes >= 24:
        np.testing.assert_array_equal(coarse.assign(moved), cells)
    before, after = model.frames.to_local(y, cells), frames.to_local(moved, cells)
    kept, whole = np.sum(after**2), np.sum(before**2)
    assert 0.99 * whole <= kept <= (1 + 1e-5) * whole
    if m == 8:  # 24 axes divide

        def imbalance(local: np.ndarray) -> float:
            return float(np.ptp(np.log(np.var(local, axis=0)).reshape(8, -1).sum(axis=1)))

        assert imbalance(after) < 0.7 * imbalance(before)


def test_auto_takes_the_smaller_model_where_rotations_do_not_pay() -> None:
    vectors = np.random.default_rng(0).normal(size=(4000, 16))
    report = LOPQModel.fit(vectors, n_coarse=4, n_subquantizers=8).report
    assert report[0]["rotation"] == "none"
    assert all(each["recall_10"] < report[0]["recall_10"] + 0.01 for each in report[1:])


def test_training_goes_on_from_given_centroids(clustered: np.ndarray) -> None:
    first = LOPQModel.fit(clustered, rotation="none", codebooks="shared", **SMALL)
    again = LOPQModel.fit(
        clustered, coarse=first.coarse.centroids, rotation="local", codebooks="shared", n_subquantizers=8
    )
    np.testing.assert_array_equal(again.coarse.centroids, first.coarse.centroids)
    assert again.distortion(clustered) < first.distortion(clustered)


@pytest.mark.parametrize("coarse", ["ivf", "multi_index"])
@pytest.mark.parametrize("rotation", ["local", "grouped", "global", "none"])
def test_training_from_a_model_keeps_its_parts_bit_for_bit(clustered: np.ndarray, coarse: str, rotation: str) -> None:
    first = LOPQModel.fit(clustered[:2000], coarse=coarse, rotation=rotation, n_rotations=3, **PRODUCT)
    again = LOPQModel.fit(clustered[1000:], start=first, n_subquantizers=4, bits=8, codebooks="local")
    for part in ("projection", "coarse", "frames"):
        for name in getattr(first, part).__slots__:
            np.testing.assert_array_equal(getattr(getattr(again, part), name), getattr(getattr(first, part), name))
    assert again.product.codebooks.shape == (8, 4, 256, 6)
    anew = LOPQModel.fit(clustered[1000:], start=first, rotation="local", codebooks="shared", n_subquantizers=8)
    np.testing.assert_array_equal(anew.projection.basis, first.projection.basis)
    np.testing.assert_array_equal(anew.coarse.centroids, first.coarse.centroids)
    assert anew.frames.rotations.shape[1] == 8
    assert anew.distortion(clustered) < 1.02 * first.distortion(clustered)


@pytest.mark.parametrize("codebooks", ["shared", "additive"])
def test_new_frames_of_additive_codes_move_centroids_to_the_means_of_the_same_cells(
    clustered: np.ndarray, codebooks: str
) -> None:
    first = LOPQModel.fit(clustered[:2000], rotation="none", codebooks=codebooks, n_subquantizers=8, n_coarse=8)
    again = LOPQModel.fit(clustered, start=first, rotation="local", codebooks="additive", n_subquantizers=8)
    projected = first.project(clustered)
    cells = first.coarse.assign(projected)[:, 0]
    means = [projected[cells == cell].mean(axis=0) for cell in range(8)]
    np.testing.assert_allclose(again.coarse.centroids[0], means, atol=1e-3)
    product = LOPQModel.fit(clustered, start=first, rotation="local", codebooks="shared", n_subquantizers=8)
    np.testing.assert_array_equal(product.coarse.centroids, first.coarse.centroids)


def test_training_from_a_model_on_its_own_vectors_gives_as_good_codes(clustered: np.ndarray) -> None:
    for codebooks in ("shared", "additive"):
        arguments: dict[str, Any] = {"codebooks": codebooks, "n_subquantizers": 8}
        first = LOPQModel.fit(clustered, rotation="local", n_coarse=8, **arguments)
        again = LOPQModel.fit(clustered, start=first, **arguments)
        np.testing.assert_array_equal(again.coarse.centroids, first.coarse.centroids)
        np.testing.assert_array_equal(again.frames.rotations, first.frames.rotations)
        np.testing.assert_allclose(again.distortion(clustered), first.distortion(clustered), rtol=0.05)


def test_training_from_a_model_needs_fewer_vectors_than_cells(clustered: np.ndarray) -> None:
    first = LOPQModel.fit(clustered, rotation="local", **PRODUCT)
    again = LOPQModel.fit(clustered[:5], start=first, codebooks="local", n_subquantizers=8)
    assert again.distortion(clustered[:5]) < 1e-3 * clustered.var()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n_subquantizers": 16}, "8 sub-vectors.*divisor"),
        ({"n_subquantizers": 16, "rotation": "none"}, "8 sub-vectors.*divisor"),
        ({"n_subquantizers": 16, "rotation": "local"}, "for example 32. Or change `n_subquantizers`"),
        ({"n_coarse": 9}, "`start` has 1 x 8 centroids.*`n_coarse=8`"),
        ({"dim": 16}, "`dim=24`"),
        ({"metric": "cosine"}, "`metric='l2'`"),
        ({"coarse": np.zeros((1, 8, 24))}, "Leave one of them out"),
        ({"coarse": "multi_index"}, "Leave one out"),
    ],
)
def test_what_does_not_fit_the_model_that_training_starts_from_is_named(
    clustered: np.ndarray, arguments: dict[str, Any], words: str
) -> None:
    first = LOPQModel.fit(clustered, rotation="none", **PRODUCT)
    with pytest.raises(InvalidArgumentError, match=words):
        LOPQModel.fit(clustered, start=first, **{"codebooks": "shared", "n_subquantizers": 8, **arguments})
    with pytest.raises(InvalidArgumentError, match="dimension 23, but dimension 24"):
        LOPQModel.fit(clustered[:, :23], start=first, n_subquantizers=8, codebooks="shared")


def test_opq_rounds_lower_the_error_of_one_rotation_for_all(clustered: np.ndarray) -> None:
    turned = LOPQModel.fit(clustered, rotation="global", **PRODUCT)
    assert turned.distortion(clustered) < 0.98 * LOPQModel.fit(clustered, rotation="none", **PRODUCT).distortion(
        clustered
    )


def test_water_filling_keeps_fewer_axes_and_hardly_more_error(clustered: np.ndarray) -> None:
    arguments = {"rotation": "local", "n_coarse": 8, "n_subquantizers": 2, "codebooks": "shared"}
    every, filled = (LOPQModel.fit(clustered, allocation=kind, **arguments) for kind in ("eigenvalue", "water_filling"))
    assert filled.frames.n_axes < every.frames.n_axes == 24
    assert filled.n_model_bytes < every.n_model_bytes
    assert filled.distortion(clustered) < 1.1 * every.distortion(clustered)


@pytest.mark.parametrize("codebooks", ["shared", "local"])
def test_water_filling_keeps_fewer_axes_of_each_half(codebooks: str) -> None:
    vectors = np.random.default_rng(0).normal(size=(1000, 24)) * np.geomspace(3, 0.01, 24)
    arguments: dict[str, Any] = {"coarse": "multi_index", "rotation": "local", "codebooks": codebooks}
    every, filled = (
        LOPQModel.fit(vectors, allocation=kind, n_coarse=4, n_subquantizers=4, **arguments)
        for kind in ("eigenvalue", "water_filling")
    )
    assert filled.frames.n_axes < every.frames.n_axes == 12
    assert filled.distortion(vectors) < 1.1 * every.distortion(vectors)


def test_rotations_are_orthogonal_and_axes_of_the_projection_too(clustered: np.ndarray) -> None:
    model = LOPQModel.fit(clustered, rotation="local", **PRODUCT)
    eye = np.eye(24)
    np.testing.assert_allclose(model.projection.basis.T @ model.projection.basis, eye, atol=1e-5)
    assert model.frames.rotations.dtype == np.int8
    for cell in range(8):
        rotation = model.frames.rotation(0, cell)
        np.testing.assert_allclose(rotation @ rotation.T, eye, atol=0.02)  # rounded to 8 bits


def test_local_rotations_lower_the_error_where_cells_have_axes_of_their_own(clustered: np.ndarray) -> None:
    train, test = clustered[:2500], clustered[2500:]
    error = {
        r: LOPQModel.fit(train, rotation=r, n_coarse=12, n_subquantizers=8).distortion(test)
        for r in ("local", "global", "none")
    }
    assert error["local"] < 0.8 * error["global"], error


def test_more_bytes_lower_the_error(clustered: np.ndarray) -> None:
    errors = [
        LOPQModel.fit(clustered, n_coarse=8, n_subquantizers=m, bits=b).distortion(clustered)
        for m, b in ((4, 4), (8, 4), (8, 8))
    ]
    assert errors == sorted(errors, reverse=True)


def test_halves_of_a_multi_index_carry_balanced_variance(clustered: np.ndarray) -> None:
    model = LOPQModel.fit(clustered, coarse="multi_index", **SMALL)
    logs = np.log(model.project(clustered).var(axis=0))
    first, second = logs[:12].sum(), logs[12:].sum()
    assert abs(first - second) < 0.1 * abs(np.sort(logs)[::-1][:12].sum() - np.sort(logs)[:12].sum())


def test_projection_to_all_dimensions_keeps_distances(clustered: np.ndarray) -> None:
    model = LOPQModel.fit(clustered, **SMALL)
    a, b = clustered[:100], clustered[100:200]
    projected = np.linalg.norm(model.project(a) - model.project(b), axis=1)
    np.testing.assert_allclose(projected, np.linalg.norm(a - b, axis=1), rtol=1e-4)


def test_a_dimension_that_does_not_divide_is_filled_with_zeros() -> None:
    vectors = np.random.default_rng(0).normal(size=(300, 10)).astype(np.float32)
    model = LOPQModel.fit(vectors, n_subquantizers=8, bits=8)
    assert (model.dim_in, model.dim) == (10, 16)
    assert model.distortion(vectors) < 0.01 * vectors.var() * 10


def test_cosine_ignores_length(clustered: np.ndarray) -> None:
    model = LOPQModel.fit(clustered, metric="cosine", **SMALL)
    lengths = np.geomspace(1e-6, 1e6, 100)[:, None]
    for got, want in zip(model.encode(clustered[:100] * lengths), model.encode(clustered[:100]), strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int32])
def test_other_dtypes_are_converted(clustered: np.ndarray, dtype: type) -> None:
    vectors = (clustered[:500] * 10).astype(dtype)
    model = LOPQModel.fit(vectors, **SMALL)
    np.testing.assert_array_equal(model.encode(vectors)[1], model.encode(vectors.astype(np.float32))[1])


@given(n=st.integers(1, 60), dim=st.integers(1, 20), distinct=st.integers(1, 5), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=15)
def test_few_equal_or_narrow_vectors_give_finite_models(n: int, dim: int, distinct: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(distinct, dim)).astype(np.float32)[rng.integers(0, distinct, n)]
    for coarse, codebooks in (("ivf", "auto"), ("multi_index", "shared"), ("multi_index", "local"), ("ivf", "local")):
        model = LOPQModel.fit(vectors, coarse=coarse, n_subquantizers=4, codebooks=codebooks)
        assert model.distortion(vectors) <= 1e-3 * vectors.var(axis=0).sum() + 1e-9  # rotations are kept in 8 bits


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"coarse": "kd_tree"}, "'ivf', 'multi_index'"),
        ({"rotation": "any"}, "'auto', 'local', 'grouped', 'global', 'none'"),
        ({"codebooks": "any"}, "'auto', 'shared', 'local', 'additive'"),
        ({"codebooks": "additive", "bits": 8}, "bits=4"),
        ({"codebooks": "additive", "coarse": "multi_index"}, "one coarse codebook"),
        ({"coarse": np.zeros((1, 8, 20)), "dim": 24}, "dim=20"),
        ({"coarse": np.zeros((1, 8, 20)), "n_coarse": 9}, "n_coarse=8"),
        ({"metric": "dot"}, "'l2', 'cosine'"),
        ({"bits": 6}, "4 or 8"),
        ({"dim": 10, "n_subquantizers": 4, "codebooks": "shared"}, "for example 12"),
        ({"n_coarse": 5000}, "only 3000"),
        ({"n_coarse": 0}, "at least 1"),
        ({"n_subquantizers": 2.0}, "whole number"),
        ({"seed": -1}, "at least 0"),
        ({"coarse": "multi_index", "n_subquantizers": 6}, "multiple of 4"),
        ({"coarse": "multi_index", "error_code": True}, "ivf"),
        ({"bits": 8, "error_code": True}, "bits=4"),
        ({"bits": np.array([4, 8])}, "`bits`"),
        ({"start": "m"}, "`start` is of type str"),
        ({"coarse": [["a"]]}, "`coarse` has dtype <U1"),
        ({"coarse": [[1], [1, 2]]}, "`coarse`.*same length"),
        ({"coarse": np.full((1, 8, 24), 1e300)}, "finite"),
        ({"rotation": np.array(["a", "b"])}, "`rotation`"),
        ({"n_coarse": np.int64(0)}, "`n_coarse` is 0"),
    ],
)
def test_wrong_arguments_are_named_with_what_would_be_right(
    clustered: np.ndarray, arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        LOPQModel.fit(clustered, **arguments)


@pytest.mark.parametrize(
    ("vectors", "words"),
    [
        (np.empty((0, 8)), "empty"),
        (np.empty((5, 0)), "at least one dimension"),
        (np.zeros((2, 3, 4)), r"\(n, dim\)"),
        (np.array([["a"]]), "dtype"),
        (np.ones((3, 4), complex), "dtype"),
        (np.array([[1.0, np.nan]]), "finite"),
        (np.array([[1.0, np.inf]]), "finite"),
        (np.array([[1.0, -1e30]]), "finite"),
        (np.array([[1e-15, -1e-17]]), "Scale the vectors up"),
        (np.array([[1e-60, 0]]), "Scale the vectors up"),
        ([[1, 2], [3]], "same length"),
        (np.ma.masked_equal([[1, 2], [3, 4]], 3), "masked"),
        ({1, 2}, r"of type set.*list\(vectors\)"),
        (None, "of type NoneType"),
    ],
)
def test_vectors_that_cannot_be_are_refused(vectors: np.ndarray, words: str) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        LOPQModel.fit(vectors)


def test_vectors_of_any_length_have_a_direction(clustered: np.ndarray) -> None:
    """The cosine of tiny vectors is that of all others; a few of them among others are learned from by any metric."""
    model = LOPQModel.fit(clustered * 1e-30, metric="cosine", **SMALL)
    np.testing.assert_allclose(model.distortion(clustered), model.distortion(clustered * 1e-30), rtol=1e-3)
    LOPQModel.fit(np.concatenate([clustered[:99], clustered[99:100] * 1e-20]), **SMALL)
    LOPQModel.fit(np.zeros((20, 24)), n_coarse=1, n_subquantizers=8)


def test_a_wrong_dimension_is_named_with_the_right_one(clustered: np.ndarray) -> None:
    model = LOPQModel.fit(clustered, **SMALL)
    with pytest.raises(InvalidArgumentError, match="dimension 23, but dimension 24"):
        model.encode(clustered[:, :23])
    cells, codes = model.encode(clustered[:3])
    with pytest.raises(InvalidArgumentError, match="cells"):
        model.decode(cells + 8, codes)
    with pytest.raises(InvalidArgumentError, match="codes"):
        model.decode(cells, codes[:, :2])


def test_arguments_are_never_changed(clustered: np.ndarray) -> None:
    before = clustered.copy()
    model = LOPQModel.fit(clustered, metric="cosine", **SMALL)
    model.encode(clustered)
    np.testing.assert_array_equal(clustered, before)


SCRIPT = """
import hashlib, sys
import numpy as np
from lookalike.quantization import AdditiveQuantizer, LOPQModel
rng = np.random.default_rng(3)
x = (rng.normal(size=(20000, 40)) @ rng.normal(size=(40, 40))).astype(np.float32)
for coarse, codebooks in (("ivf", "auto"), ("multi_index", "auto"), ("ivf", "local"), ("multi_index", "local")):
    model = LOPQModel.fit(x, coarse=coarse, n_coarse=32, n_subquantizers=8, metric="cosine", codebooks=codebooks)
    model.save(sys.argv[1])
    cells, codes = model.encode(x)
    print(hashlib.sha256(open(sys.argv[1], "rb").read() + cells.tobytes() + codes.tobytes()).hexdigest())
"""


def test_the_same_seed_gives_the_same_bytes_for_any_thread_count(tmp_path: Any) -> None:
    def run(ours: str, blas: str) -> str:
        settings = {"LOOKALIKE_THREADS": ours, "OPENBLAS_NUM_THREADS": blas, "OMP_NUM_THREADS": blas}
        command = [sys.executable, "-c", SCRIPT, str(tmp_path / "model.safetensors")]
        return subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=True).stdout

    first = run("1", "1")
    assert len(first.split()) == 4
    assert run("2", "1") == first
    assert run("3", "2") == first


def test_another_seed_gives_another_model(clustered: np.ndarray) -> None:
    a, b = (LOPQModel.fit(clustered, seed=seed, **SMALL) for seed in (0, 1))
    assert not np.array_equal(a.product.codebooks, b.product.codebooks)
