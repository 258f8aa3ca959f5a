"""Vectors of texts asked for lately: the latest used are kept, and nobody changes them."""

import numpy as np
import pytest

from lookalike.encoders.kept_vectors import KeptVectors


def test_the_latest_used_are_kept_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lookalike.encoders.kept_vectors._KEPT_TEXTS", 2)
    kept = KeptVectors()
    kept.keep("a", np.full(3, 1, np.float32))
    kept.keep("b", np.full(3, 2, np.float32))
    assert kept.put_into(np.zeros((1, 3), np.float32), ["a"]) == {}
    kept.keep("c", np.full(3, 3, np.float32))
    out = np.zeros((5, 3), np.float32)
    assert kept.put_into(out, ["c", "b", "a", "b", "d"]) == {"b": [1, 3], "d": [4]}
    assert out[:, 0].tolist() == [3, 0, 1, 0, 0]


def test_what_is_kept_is_a_copy() -> None:
    kept, vector = KeptVectors(), np.ones(3, np.float32)
    kept.keep("a", vector)
    vector[:] = 7
    out = np.zeros((1, 3), np.float32)
    kept.put_into(out, ["a"])
    assert out.tolist() == [[1, 1, 1]]
