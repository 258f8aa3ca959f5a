"""Networks that turn photos into embeddings, words into vectors, and photos into a score of NSFW."""

from lookalike.encoders.card import EncoderCard
from lookalike.encoders.encoder import Encoding, ImageEncoder
from lookalike.encoders.fixed_texts import cached_vectors
from lookalike.encoders.minilm import DEFAULT_TEXT_ENCODER, load_text_encoder
from lookalike.encoders.nsfw import NsfwClassifier, load_nsfw
from lookalike.encoders.registry import DEFAULT_ENCODER, has_text_side, load_encoder
from lookalike.encoders.retrieval import RetrievalComparison, compare_retrieval
from lookalike.encoders.text import TextCard, TextEncoder

__all__ = [
    "DEFAULT_ENCODER",
    "DEFAULT_TEXT_ENCODER",
    "EncoderCard",
    "Encoding",
    "ImageEncoder",
    "NsfwClassifier",
    "RetrievalComparison",
    "TextCard",
    "TextEncoder",
    "cached_vectors",
    "compare_retrieval",
    "has_text_side",
    "load_encoder",
    "load_nsfw",
    "load_text_encoder",
]
