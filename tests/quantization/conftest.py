"""Vectors that the tests of the model share."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="session")
def clustered() -> np.ndarray:
    """3,000 vectors of 24 dimensions in 12 clusters, each with axes of its own: float32."""
    rng = np.random.default_rng(7)
    centres = rng.normal(size=(12, 24)) * 3
    axes = np.linalg.qr(rng.normal(size=(12, 24, 24)))[0] * np.geomspace(3, 0.05, 24)
    which = rng.integers(0, 12, 3000)
    return (
        centres[which] + np.einsum("nd,nde->ne", rng.normal(size=(3000, 24)), axes.transpose(0, 2, 1)[which])
    ).astype(np.float32)
