"""The reader of PyTorch's legacy format reads tensors, and nothing else, whatever the file says."""

import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from lookalike.encoders.packaged import PACKAGED, read_weights
from lookalike.encoders.state_dict import read_state_dict
from lookalike.errors import EncoderError

ORDERED_DICT = b"ccollections\nOrderedDict\n)R"


def piece(value: object) -> bytes:
    return pickle.dumps(value, protocol=2)[2:-1]


def tensor(
    *,
    storage: bytes = b"FloatStorage",
    key: str = "1",
    n_values: object = 6,
    offset: object = 0,
    shape: object = (2, 3),
    strides: object = (3, 1),
    rebuild: bytes = b"ctorch._utils\n_rebuild_tensor_v2\n",
) -> bytes:
    pid = b"(" + piece("storage") + b"ctorch\n" + storage + b"\n" + piece(key) + piece("cpu") + piece(n_values) + b"NtQ"
    rest = piece(offset) + piece(shape) + piece(strides) + piece(False) + ORDERED_DICT
    return rebuild + b"(" + pid + rest + b"tR"


def checkpoint(
    *tensors: bytes, keys: object = ("1",), storages: bytes | None = None, after: bytes = b"", protocol: int = 1001
) -> bytes:
    if storages is None:
        storages = struct.pack("<q6f", 6, *range(6))
    named = b"".join(piece(f"tensor{number}") + value for number, value in enumerate(tensors))
    head = [0x1950A86A20F9469CFC6C, protocol, {"protocol_version": 1001, "little_endian": True}]
    return (
        b"".join(pickle.dumps(value, protocol=2) for value in head)
        + b"\x80\x02"
        + ORDERED_DICT
        + b"("
        + named
        + b"u"
        + after
        + b"."
        + pickle.dumps(list(keys) if isinstance(keys, tuple) else keys, protocol=2)
        + storages
    )


def test_tensors_are_read_with_their_shape() -> None:
    arrays = read_state_dict(checkpoint(tensor()))
    np.testing.assert_array_equal(arrays["tensor0"], np.arange(6, dtype=np.float32).reshape(2, 3))
    assert arrays["tensor0"].dtype == np.float32


def test_strides_and_offsets_are_honoured() -> None:
    arrays = read_state_dict(
        checkpoint(
            tensor(shape=(3, 2), strides=(1, 3)),
            tensor(offset=4, shape=(2,), strides=(1,)),
            tensor(shape=(), strides=()),
        )
    )
    np.testing.assert_array_equal(arrays["tensor0"], [[0, 3], [1, 4], [2, 5]])
    np.testing.assert_array_equal(arrays["tensor1"], [4, 5])
    assert arrays["tensor2"] == 0
    assert all(array.flags.c_contiguous for array in arrays.values())


def test_long_tensors_are_int64() -> None:
    data = checkpoint(
        tensor(storage=b"LongStorage", n_values=1, shape=(), strides=()), storages=struct.pack("<qq", 1, 2**40)
    )
    assert read_state_dict(data)["tensor0"] == 2**40


def test_facts_about_module_versions_are_dropped() -> None:
    assert set(read_state_dict(checkpoint(tensor(), after=piece({"items": 1, "_metadata": {}}) + b"b"))) == {"tensor0"}


@pytest.mark.parametrize("name", PACKAGED)
def test_the_packaged_weights_are_read(name: str) -> None:
    arrays = read_state_dict(read_weights(name))
    assert arrays["_fc.weight"].shape == (1000, 1280)
    assert all(np.isfinite(array).all() for array in arrays.values())


def test_a_call_of_the_operating_system_is_refused_and_not_made(tmp_path: Path) -> None:
    marker = tmp_path / "was-run"

    class Attack:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {marker}",)

    for data in (
        pickle.dumps(Attack(), protocol=2),
        checkpoint(piece(Attack())),
        checkpoint(tensor(), keys=Attack()),
        checkpoint(tensor(offset=Attack())),
    ):
        with pytest.raises(EncoderError, match=r"it asks for .*system"):
            read_state_dict(data)
    assert not marker.exists()


@pytest.mark.parametrize(
    "name",
    [
        "builtins\neval",
        "builtins\ngetattr",
        "torch.hub\nload",
        "torch\nHalfStorage",
        "torch._utils\n_rebuild_parameter",
    ],
)
def test_any_other_name_is_refused(name: str) -> None:
    with pytest.raises(EncoderError, match=f"it asks for {name.replace(chr(10), '.')}"):
        read_state_dict(checkpoint(tensor(rebuild=b"c" + name.encode() + b"\n")))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"shape": (2, 4), "strides": (4, 1)}, "outside its storage"),
        ({"strides": (4, 1)}, "outside its storage"),
        ({"offset": 1}, "outside its storage"),
        ({"strides": (-3, 1), "offset": 3}, "non-negative"),
        ({"offset": -1}, "non-negative"),
        ({"shape": (10**12,), "strides": (0,)}, "outside its storage"),
        ({"shape": (2,)}, "as many strides"),
        ({"shape": (2.0, 3.0)}, "non-negative integers"),
        ({"shape": 6, "strides": 1}, "wrong type"),
        ({"n_values": -1}, "key or size"),
        ({"n_values": 7}, "does not hold 7 values"),
        ({"storage": b"DoubleStorage"}, "torch.DoubleStorage"),
        ({"storage": b"LongStorage"}, "ends inside storage"),
    ],
)
def test_a_tensor_that_does_not_fit_its_storage_is_refused(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(EncoderError, match=reason):
        read_state_dict(checkpoint(tensor(**changes)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04 a newer checkpoint is a zip",
        pickle.dumps({"a": 1}, protocol=2),
        checkpoint(tensor(), protocol=1002),
        checkpoint(tensor(), keys=("1", "2")),
        checkpoint(tensor(), keys=()),
        checkpoint(tensor(), keys="1"),
        checkpoint(tensor(), tensor(storage=b"LongStorage")),
        checkpoint(piece("not a tensor")),
        checkpoint(tensor(), after=b"0]"),
    ],
)
def test_what_is_no_checkpoint_is_refused(data: bytes) -> None:
    with pytest.raises(EncoderError, match="not a legacy PyTorch checkpoint"):
        read_state_dict(data)


def test_a_file_cut_anywhere_is_refused() -> None:
    data = checkpoint(tensor())
    for length in range(len(data)):
        with pytest.raises(EncoderError):
            read_state_dict(data[:length])
