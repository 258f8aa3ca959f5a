"""Visual similarity search for photo collections, and the compact vector index underneath.

Names are imported when first used, so that ``import lookalike`` costs an engineer with vectors nothing of what photos
need, and the other way round.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lookalike.collection import AddProgress, Collection, Hit, SearchEvidence, SearchResult
    from lookalike.encoders import EncoderCard, ImageEncoder, load_encoder
    from lookalike.errors import LookalikeError
    from lookalike.index import Estimate, LOPQIndex, Memory, RangeResult, Tuning
    from lookalike.index.live import LiveIndex
    from lookalike.quantization import LOPQModel

__all__ = [
    "AddProgress",
    "Collection",
    "EncoderCard",
    "Estimate",
    "Hit",
    "ImageEncoder",
    "LOPQIndex",
    "LOPQModel",
    "LiveIndex",
    "LookalikeError",
    "Memory",
    "RangeResult",
    "SearchEvidence",
    "SearchResult",
    "Tuning",
    "__version__",
    "load_encoder",
]

_HOMES = {
    "AddProgress": "lookalike.collection",
    "Collection": "lookalike.collection",
    "Hit": "lookalike.collection",
    "SearchEvidence": "lookalike.collection",
    "SearchResult": "lookalike.collection",
    "EncoderCard": "lookalike.encoders",
    "ImageEncoder": "lookalike.encoders",
    "load_encoder": "lookalike.encoders",
    "LookalikeError": "lookalike.errors",
    "LiveIndex": "lookalike.index.live",
    "Estimate": "lookalike.index",
    "LOPQIndex": "lookalike.index",
    "Memory": "lookalike.index",
    "RangeResult": "lookalike.index",
    "Tuning": "lookalike.index",
    "LOPQModel": "lookalike.quantization",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401  whatever the name stands for
    if name == "__version__":
        from importlib.metadata import version

        return version("lookalike")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'lookalike' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
