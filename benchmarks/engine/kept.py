"""Peers' figures, kept in the repository: some took hours, and a table with all of them should not need that again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.engine.datasets import DataSet

__all__ = ["keep", "kept"]

_FOLDER = Path(__file__).parent / "kept"


def kept(data: DataSet) -> dict[str, dict[str, Any]]:
    """Read the figures of all peers that were ever measured on a set, by their factory strings."""
    path = _path(data)
    figures: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}
    return figures


def keep(data: DataSet, factory: str, figures: dict[str, Any]) -> None:
    """Write one peer's figures beside the others."""
    path = _path(data)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(dict(sorted({**kept(data), factory: figures}.items())), indent=1) + "\n")


def _path(data: DataSet) -> Path:
    return _FOLDER / f"{data.name}-{len(data.base)}.json"
