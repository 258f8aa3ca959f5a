"""Models of yahoo/lopq: read and written as their own protobuf classes would."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lookalike.errors import FormatError, InvalidArgumentError
from lookalike.quantization import LOPQModel


def message_class() -> Any:
    """Build the message from its published fields, with protobuf's own runtime."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="lopq_model.proto", package="t", syntax="proto2")

    def message(name: str, fields: list[tuple[str, int, bool, Any, str]]) -> None:
        made = file.message_type.add(name=name)
        for each, number, repeated, kind, type_name in fields:
            label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
            added = made.field.add(name=each, number=number, label=label, type=kind, type_name=type_name or None)
            if kind == field.TYPE_FLOAT:
                added.options.packed = True

    values = ("values", 1, True, field.TYPE_FLOAT, "")
    message("Vector", [values])
    message("Matrix", [values, ("shape", 2, True, field.TYPE_UINT32, "")])
    sizes = [(name, i, False, field.TYPE_UINT32, "") for i, name in enumerate(["D", "V", "M", "num_subquantizers"], 1)]
    arrays = [
        (name, number, True, field.TYPE_MESSAGE, f".t.{kind}")
        for name, number, kind in (
            ("Cs", 5, "Matrix"),
            ("Rs", 6, "Matrix"),
            ("mus", 7, "Vector"),
            ("subs", 8, "Matrix"),
        )
    ]
    message("LOPQModelParams", [*sizes, *arrays])
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("t.LOPQModelParams"))


Params = message_class()
V, D, M = 5, 8, 4


def parameters(k: int, seed: int = 0) -> dict[str, list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    half = D // 2
    arrays = {
        "Cs": [rng.normal(size=(V, half)) for _ in range(2)],
        "Rs": [np.linalg.qr(rng.normal(size=(half, half)))[0] for _ in range(2 * V)],
        "mus": [rng.normal(size=half) * 0.1 for _ in range(2 * V)],
        "subs": [rng.normal(size=(k, D // M)) for _ in range(M)],
    }
    return {name: [array.astype(np.float32) for array in stack] for name, stack in arrays.items()}


def written(path: Path, arrays: dict[str, list[np.ndarray]], k: int) -> Path:
    message = Params(D=D, V=V, M=M, num_subquantizers=k)
    for name, stack in arrays.items():
        for array in stack:
            added = getattr(message, name).add(values=array.ravel().tolist())
            if name != "mus":
                added.shape.extend(array.shape)
    path.write_bytes(message.SerializeToString())
    return path


@pytest.mark.parametrize("k", [16, 10, 64, 256])
def test_cells_codes_reconstructions_and_distances_equal_the_published_definitions(tmp_path: Path, k: int) -> None:
    arrays = parameters(k)
    model = LOPQModel.from_lopq(written(tmp_path / "theirs.lopq", arrays, k))
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(30, D)).astype(np.float32)
    query = rng.normal(size=D).astype(np.float32)
    cells, codes = model.encode(vectors)
    decoded = model.decode(cells, codes)
    for i, x in enumerate(vectors):
        distance, rebuilt = 0.0, []
        for split, half in enumerate(np.split(x, 2)):
            centroids = arrays["Cs"][split]
            c = int(((half - centroids) ** 2).sum(axis=1).argmin())
            assert cells[i, split] == c
            rotation, mean = arrays["Rs"][split * V + c], arrays["mus"][split * V + c]
            local = rotation @ (half - centroids[c] - mean)
            local_query = rotation @ (np.split(query, 2)[split] - centroids[c] - mean)
            books = arrays["subs"][split * M // 2 : (split + 1) * M // 2]
            parts = [
                b[((p - b) ** 2).sum(axis=1).argmin()] for p, b in zip(np.split(local, M // 2), books, strict=True)
            ]
            rebuilt.append(rotation.T @ np.concatenate(parts) + mean + centroids[c])
            distance += float(((local_query - np.concatenate(parts)) ** 2).sum())
        np.testing.assert_allclose(decoded[i], np.concatenate(rebuilt), atol=1e-5)
        np.testing.assert_allclose(((query - decoded[i]) ** 2).sum(), distance, rtol=1e-4)


def test_what_we_write_their_classes_read(tmp_path: Path, clustered: np.ndarray) -> None:
    for rotation in ("local", "global", "none"):
        model = LOPQModel.fit(clustered, coarse="multi_index", n_coarse=6, n_subquantizers=8, rotation=rotation)
        model.to_lopq(tmp_path / "ours.lopq")
        message = Params.FromString((tmp_path / "ours.lopq").read_bytes())
        assert (message.D, message.V, message.M, message.num_subquantizers) == (24, 6, 8, 16)
        assert (len(message.Cs), len(message.Rs), len(message.mus), len(message.subs)) == (2, 12, 12, 8)
        assert list(message.Rs[0].shape) == [12, 12]
        np.testing.assert_array_equal(
            np.reshape(message.Cs[1].values, message.Cs[1].shape).astype(np.float32), model.coarse.centroids[1]
        )
        again = LOPQModel.from_lopq(tmp_path / "ours.lopq")
        cells, codes = model.encode(clustered)
        same_cells, same_codes = again.encode(model.project(clustered))
        np.testing.assert_array_equal(same_cells, cells)
        assert (same_codes == codes).mean() > 0.999  # residual means are written apart from centroids, and rounded


def test_a_single_codebook_cannot_be_written(tmp_path: Path, clustered: np.ndarray) -> None:
    with pytest.raises(InvalidArgumentError, match="multi_index"):
        LOPQModel.fit(clustered, n_coarse=4, n_subquantizers=4).to_lopq(tmp_path / "ours.lopq")


def test_codebooks_of_cells_cannot_be_written(tmp_path: Path, clustered: np.ndarray) -> None:
    model = LOPQModel.fit(clustered, coarse="multi_index", n_coarse=4, n_subquantizers=8, codebooks="local")
    with pytest.raises(InvalidArgumentError, match='codebooks="shared"'):
        model.to_lopq(tmp_path / "model.lopq")


def test_fewer_axes_than_dimensions_cannot_be_written(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(1000, 24)) * np.geomspace(3, 0.01, 24)
    arguments = {"coarse": "multi_index", "rotation": "local", "allocation": "water_filling"}
    model = LOPQModel.fit(vectors, n_coarse=4, n_subquantizers=4, **arguments)
    with pytest.raises(InvalidArgumentError, match=r"of 12 axes.*eigenvalue"):
        model.to_lopq(tmp_path / "model.lopq")


def test_training_goes_on_from_a_model_of_theirs(tmp_path: Path, clustered: np.ndarray) -> None:
    LOPQModel.fit(clustered, coarse="multi_index", n_coarse=4, n_subquantizers=8).to_lopq(tmp_path / "model.lopq")
    theirs = LOPQModel.from_lopq(tmp_path / "model.lopq")
    again = LOPQModel.fit(clustered, start=theirs, n_subquantizers=8)
    np.testing.assert_array_equal(again.frames.rotations, theirs.frames.rotations)
    np.testing.assert_array_equal(again.coarse.centroids, theirs.coarse.centroids)


@pytest.mark.parametrize("missing", ["Cs", "Rs", "mus", "subs"])
def test_an_incomplete_model_is_refused(tmp_path: Path, missing: str) -> None:
    for fewer in ([], parameters(16)[missing][:-1]):
        if missing == "subs" and fewer:
            fewer = fewer[:1]
        with pytest.raises(FormatError):
            LOPQModel.from_lopq(written(tmp_path / "x.lopq", {**parameters(16), missing: fewer}, 16))


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_hostile_bytes_raise_nothing_but_format_errors(tmp_path: Path, data: st.DataObject) -> None:
    content = written(tmp_path / "x.lopq", parameters(16), 16).read_bytes()
    place = data.draw(st.integers(0, len(content)))
    changed = content[:place] + data.draw(st.binary(max_size=12)) + content[place + data.draw(st.integers(0, 40)) :]
    (tmp_path / "y.lopq").write_bytes(data.draw(st.sampled_from([changed, changed[:place], changed[place:]])))
    with contextlib.suppress(FormatError):
        LOPQModel.from_lopq(tmp_path / "y.lopq")
