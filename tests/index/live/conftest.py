"""Vectors that the tests of the live index share: few, so that all of them take seconds."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="session")
def clustered() -> np.ndarray:
    """3,000 vectors of 16 dimensions around 30 centres: float32."""
    rng = np.random.default_rng(5)
    centres = rng.normal(size=(30, 16))
    return (centres[rng.integers(0, 30, 3000)] + 0.3 * rng.normal(size=(3000, 16))).astype(np.float32)
