"""Compiled kernels: said once, cached, not imported before they are needed, and of one result at every level."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lookalike.kernels import simd

KERNEL = """
import numpy as np
from lookalike import kernels
for _ in range(2):
    print(kernels.nearest_rows(np.ones((1, 4), np.float32), np.zeros((3, 4), np.float16), np.array([[2]]), 1)[0][0, 0])
    kernels.encode_subvectors(np.ones((1, 4), np.float32), np.array([0]), np.zeros((2, 2, 16), np.float32))
"""

EXACT = """
import sys
import numpy as np
from lookalike.index import exact_search
print(exact_search(np.eye(3), np.eye(3), 1).ids.tolist(), "numba" in sys.modules)
"""


def run(code: str, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=True)


def test_the_first_process_says_that_it_compiles_and_the_second_only_loads(tmp_path: Path) -> None:
    first = run(KERNEL, NUMBA_CACHE_DIR=str(tmp_path))
    assert first.stdout.split() == ["4.0", "4.0"]
    assert first.stderr.count("compiling") == 1
    second = run(KERNEL, NUMBA_CACHE_DIR=str(tmp_path))
    assert (second.stdout, second.stderr) == (first.stdout, "")


def test_exact_search_imports_no_compiler() -> None:
    assert run(EXACT).stdout.strip() == "[[0], [1], [2]] False"


def test_a_forced_level_is_taken_and_an_unknown_one_is_portable(monkeypatch: pytest.MonkeyPatch) -> None:
    for level in simd.SUPPORTED:
        monkeypatch.setenv("LOOKALIKE_SIMD", level)
        assert simd.LEVELS[simd.chosen_level()] == level
    monkeypatch.setenv("LOOKALIKE_SIMD", "mmx")
    assert simd.LEVELS[simd.chosen_level()] == "portable"
    monkeypatch.delenv("LOOKALIKE_SIMD")
    assert simd.LEVELS[simd.chosen_level()] == simd.SUPPORTED[-1]


def test_every_float16_is_widened_as_numpy_does() -> None:
    from lookalike import kernels

    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    finite = every[np.isfinite(every)][:, None]
    alone = np.zeros((len(finite), 1), np.float32), finite, np.arange(len(finite))[:, None], 1
    np.testing.assert_array_equal(kernels.nearest_rows(*alone)[0], finite.astype(np.float32) ** 2)
