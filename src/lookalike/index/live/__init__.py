"""A vector index that changes while it is searched, and loses nothing when it is killed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lookalike.index.live.live_index import LiveIndex
    from lookalike.index.live.report import Problem, Report
    from lookalike.index.live.statistics import LiveStats

__all__ = ["LiveIndex", "LiveStats", "Problem", "Report"]

_HOMES = {"LiveIndex": "live_index", "LiveStats": "statistics", "Problem": "report", "Report": "report"}


def __getattr__(name: str) -> Any:  # noqa: ANN401  whatever the name stands for
    if name in _HOMES:  # when first used, so that the lock alone costs no database
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
