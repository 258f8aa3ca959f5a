"""The model's file: the same after a round, refused when damaged, and old ones readable for ever."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load, save

from lookalike.errors import FormatError
from lookalike.quantization import LOPQModel

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def model(clustered: np.ndarray) -> LOPQModel:
    return LOPQModel.fit(clustered, n_coarse=4, n_subquantizers=4, dim=8, rotation="local", codebooks="shared")


@pytest.fixture(scope="module")
def additive(clustered: np.ndarray) -> LOPQModel:
    return LOPQModel.fit(clustered, n_coarse=4, n_subquantizers=8, dim=8, codebooks="additive")


@pytest.fixture
def file(model: LOPQModel, tmp_path: Path) -> Path:
    model.save(tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def altered(file: Path, header: dict[str, Any] | None = None, **tensors: np.ndarray | None) -> Path:
    """Write the file anew with other header fields or tensors (None leaves one out)."""
    content = {**load(file.read_bytes()), **{name.replace("__", "."): array for name, array in tensors.items()}}
    text = json.dumps({"format": "lookalike.lopq-model", "version": 1, "metric": "l2", **(header or {})})
    file.write_bytes(save({k: v for k, v in content.items() if v is not None}, metadata={"lookalike": text}))
    return file


def version_of(file: Path) -> int:
    with safe_open(file, framework="numpy") as opened:
        version = json.loads(opened.metadata()["lookalike"])["version"]
    assert isinstance(version, int)
    return version


@pytest.fixture
def additive_file(additive: LOPQModel, tmp_path: Path) -> Path:
    additive.save(tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def test_an_additive_model_keeps_its_codes_and_its_report(
    additive: LOPQModel, additive_file: Path, clustered: np.ndarray
) -> None:
    loaded = LOPQModel.load(additive_file)
    for got, want in zip(loaded.encode(clustered), additive.encode(clustered), strict=True):
        np.testing.assert_array_equal(got, want)
    assert len(loaded.report) == 2
    assert loaded.report == additive.report
    assert loaded.n_model_bytes == additive.n_model_bytes
    loaded.save(additive_file.with_name("again"))
    assert additive_file.with_name("again").read_bytes() == additive_file.read_bytes()


def test_a_loaded_model_codes_as_the_saved_one(model: LOPQModel, file: Path, clustered: np.ndarray) -> None:
    loaded = LOPQModel.load(file)
    for got, want in zip(loaded.encode(clustered), model.encode(clustered), strict=True):
        np.testing.assert_array_equal(got, want)
    loaded.save(file.with_name("again"))
    assert file.with_name("again").read_bytes() == file.read_bytes()
    assert sorted(path.name for path in file.parent.iterdir()) == ["again", "model.safetensors"]


def test_codebooks_of_cells_survive_the_file_and_need_version_3(tmp_path: Path, clustered: np.ndarray) -> None:
    file = tmp_path / "model.safetensors"
    for coarse, bits in (("ivf", 4), ("multi_index", 8)):
        model = LOPQModel.fit(clustered, coarse=coarse, bits=bits, n_coarse=4, n_subquantizers=4, codebooks="local")
        model.save(file)
        loaded = LOPQModel.load(file)
        for got, want in zip(loaded.encode(clustered), model.encode(clustered), strict=True):
            np.testing.assert_array_equal(got, want)
        loaded.save(file.with_name("again"))
        assert file.with_name("again").read_bytes() == file.read_bytes()
        assert version_of(file) == 3


def test_models_without_anything_new_are_written_as_the_version_that_first_had_them(
    file: Path, additive: LOPQModel
) -> None:
    assert version_of(file) == 2
    additive.save(file)
    assert version_of(file) == 2


@pytest.mark.parametrize(
    "shape",
    [(3, 4, 16, 2), (5, 4, 16, 2), (1, 4, 16, 2), (4, 2, 16, 2), (4, 4, 17, 2), (4, 0, 16, 2), (1, 4, 4, 16, 2)],
)
def test_codebooks_of_cells_that_do_not_belong_to_the_model_are_refused(file: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(FormatError):
        LOPQModel.load(altered(file, {"version": 3}, product__codebooks=np.zeros(shape, np.float32)))


@pytest.mark.parametrize("version", ["v1", "v2", "v2-grouped", "v2-none", "v3", "v3-multi-index"])
def test_golden_files_are_read_and_their_codes_mean_what_they_did(version: str) -> None:
    """Vectors of all but version 1 lie clear of ties. Version 2 is additive, whose search for codes may become better.

    `v2` has a rotation for each cell, one group of codebooks, one norm code; `v2-grouped` shared rotations of fewer
    axes, three groups, two norm codes; `v2-none` no rotations. Version 3's have codebooks of each cell: `v3` 4 bits, an
    error code, and a cell without vectors; `v3-multi-index` 8 bits.
    """
    loaded = LOPQModel.load(GOLDEN / f"model-{version}.safetensors")
    expected = load((GOLDEN / f"model-{version}-codes.safetensors").read_bytes())
    cells, codes = loaded.encode(expected["vectors"])
    np.testing.assert_array_equal(cells, expected["cells"])
    np.testing.assert_allclose(loaded.decode(cells, expected["codes"]), expected["decoded"], atol=1e-5)
    errors = [((loaded.decode(cells, each) - expected["vectors"]) ** 2).sum() for each in (codes, expected["codes"])]
    assert errors[0] <= 1.01 * errors[1]
    if not version.startswith("v2"):
        np.testing.assert_array_equal(codes, expected["codes"])


def test_a_newer_version_is_refused_with_advice(file: Path) -> None:
    with pytest.raises(FormatError, match="pip install --upgrade"):
        LOPQModel.load(altered(file, {"version": 4}))


@pytest.mark.parametrize(
    "header", [{"version": "1"}, {"version": 0}, {"version": True}, {"format": "x"}, {"metric": "dot"}, {"metric": 3}]
)
def test_a_header_that_makes_no_sense_is_refused(file: Path, header: dict[str, Any]) -> None:
    with pytest.raises(FormatError):
        LOPQModel.load(altered(file, header))


@pytest.mark.parametrize(
    "tensors",
    [
        {"projection__basis": None},
        {"projection__mean": np.zeros(3, np.float32)},
        {"projection__mean": np.full(24, np.nan, np.float32)},
        {"coarse__centroids": np.zeros((3, 4, 8), np.float32)},
        {"coarse__centroids": np.zeros((1, 5, 8), np.float32)},
        {"frames__rotation_of_cell": np.full((1, 4), 4, np.int32)},
        {"frames__rotation_of_cell": np.full((1, 4), -1, np.int32)},
        {"frames__rotation_of_cell": np.zeros((1, 4), np.int64)},
        {"frames__rotations": np.zeros((1, 4, 8, 7), np.float32)},
        {"frames__rotations": np.zeros((1, 4, 8, 8), np.float16)},
        {"frames__rotation_scales": np.zeros((1, 4, 7), np.float32)},
        {"product__codebooks": np.zeros((4, 17, 2), np.float32)},
        {"product__codebooks": np.zeros((4, 16, 2), np.float64)},
        {"product__codebooks": np.zeros((2, 16, 2), np.float32)},
    ],
)
def test_tensors_that_do_not_belong_together_are_refused(file: Path, tensors: dict[str, Any]) -> None:
    with pytest.raises(FormatError):
        LOPQModel.load(altered(file, **tensors))


@pytest.mark.parametrize(
    ("header", "tensors"),
    [
        ({"n_groups": 0}, {}),
        ({"n_groups": 2}, {}),
        ({"n_groups": "1"}, {}),
        ({"n_groups": 1, "report": 3}, {}),
        ({"n_groups": 1}, {"additive__spreads": np.ones((4, 8), np.float32)}),
        ({"n_groups": 1}, {"additive__spreads": np.zeros((0, 8), np.float16)}),
        ({"n_groups": 1}, {"additive__norm_means": np.zeros(3, np.float32)}),
        ({"n_groups": 1}, {"additive__norm_levels": np.zeros((3, 16), np.float32)}),
        ({"n_groups": 1}, {"additive__codebooks": np.full((7, 16, 8), np.inf, np.float32)}),
        ({"n_groups": 1}, {"frames__rotations": np.zeros((1, 4, 9, 8), np.int8)}),
    ],
)
def test_additive_tensors_that_do_not_belong_together_are_refused(
    clustered: np.ndarray, tmp_path: Path, header: dict[str, Any], tensors: dict[str, Any]
) -> None:
    file = tmp_path / "model.safetensors"
    LOPQModel.fit(clustered, n_coarse=4, n_subquantizers=8, dim=8, rotation="local", codebooks="additive").save(file)
    with pytest.raises(FormatError):
        LOPQModel.load(altered(file, {"version": 2, **header}, **tensors))


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_cut_short_or_overwritten_is_refused_or_still_a_model(file: Path, data: st.DataObject) -> None:
    content = file.read_bytes()
    broken = file.with_name("broken")
    broken.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(FormatError):
        LOPQModel.load(broken)
    place = data.draw(st.integers(0, min(1500, len(content) - 1)))
    broken.write_bytes(content[:place] + data.draw(st.binary(min_size=1, max_size=8)) + content[place:][8:])
    with contextlib.suppress(FormatError):
        LOPQModel.load(broken)


def test_other_files_are_refused_and_missing_ones_named(tmp_path: Path) -> None:
    for content in (b"", b"\x80\x04K\x01.", b"PK\x03\x04", b"\xff" * 100, save({"a": np.zeros(3)})):
        (tmp_path / "other").write_bytes(content)
        with pytest.raises(FormatError):
            LOPQModel.load(tmp_path / "other")
    with pytest.raises(FileNotFoundError, match="no model at"):
        LOPQModel.load(tmp_path / "missing")
