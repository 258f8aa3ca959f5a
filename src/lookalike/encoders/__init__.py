"""Networks that turn photos into embeddings."""

from lookalike.encoders.card import EncoderCard
from lookalike.encoders.encoder import Encoding, ImageEncoder
from lookalike.encoders.registry import DEFAULT_ENCODER, load_encoder
from lookalike.encoders.retrieval import RetrievalComparison, compare_retrieval

__all__ = [
    "DEFAULT_ENCODER",
    "EncoderCard",
    "Encoding",
    "ImageEncoder",
    "RetrievalComparison",
    "compare_retrieval",
    "load_encoder",
]
