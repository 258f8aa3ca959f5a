"""What every text encoder keeps, and what the packaged one says."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookalike.encoders import TextCard, TextEncoder, cached_vectors, load_text_encoder
from lookalike.encoders.minilm import MiniLMEncoder, minilm_card
from lookalike.errors import EncoderError, InvalidArgumentError, UnknownEncoderError

TEXTS = ["a dog", "a golden retriever on the beach", "Grüße aus München", "old car", "sunset 2019"]


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    return load_text_encoder()


def test_it_is_a_text_encoder_with_a_card(encoder: TextEncoder) -> None:
    assert isinstance(encoder, TextEncoder)
    assert isinstance(encoder.card, TextCard)
    assert len(encoder.card.fingerprint) == 64


def test_vectors_are_float32_of_unit_length(encoder: TextEncoder) -> None:
    vectors = encoder.encode(TEXTS)
    assert (vectors.shape, vectors.dtype) == ((len(TEXTS), encoder.card.dim), np.float32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_the_same_texts_give_the_same_bytes_also_from_a_new_encoder(encoder: TextEncoder) -> None:
    first = encoder.encode(TEXTS)
    assert first.tobytes() == encoder.encode(TEXTS).tobytes() == load_text_encoder().encode(TEXTS).tobytes()


def test_a_batch_gives_what_single_texts_give(encoder: TextEncoder) -> None:
    alone = np.concatenate([load_text_encoder().encode([text]) for text in TEXTS[:3]])
    np.testing.assert_allclose(encoder.encode(TEXTS)[:3], alone, atol=2e-5)


def test_what_is_returned_may_be_changed(encoder: TextEncoder) -> None:
    expected = encoder.encode(TEXTS).copy()
    encoder.encode(TEXTS)[:] = 0
    np.testing.assert_array_equal(encoder.encode(TEXTS), expected)


def test_threads_get_what_one_thread_gets(encoder: TextEncoder) -> None:
    texts = [f"photo number {number}" for number in range(8)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: encoder.encode(texts), range(4)))
    for result in results:
        np.testing.assert_allclose(result, encoder.encode(texts), atol=2e-5)


def test_no_texts_are_no_vectors(encoder: TextEncoder) -> None:
    assert encoder.encode([]).shape == (0, encoder.card.dim)


@pytest.mark.parametrize("text", ["", "   \n\t", "\0", "\ud800", "\u200b\u200d", "😀👩‍👩‍👧", "🦄", "x" * 1_000_000])
def test_a_text_that_holds_nothing_has_the_zero_vector(encoder: TextEncoder, text: str) -> None:
    np.testing.assert_array_equal(encoder.encode([text]), np.zeros((1, encoder.card.dim)))


@pytest.mark.parametrize(
    "text", ["a 😀👩‍👩‍👧", "dog\0\ud800", "word " * 10_000, "a" + "x" * 50, "'\"; DROP TABLE photos; --", "عربي 中文"]
)
def test_hostile_texts_have_vectors_of_unit_length(encoder: TextEncoder, text: str) -> None:
    assert np.linalg.norm(encoder.encode([text])) == pytest.approx(1, abs=1e-5)


def test_what_cannot_be_read_does_not_change_a_text(encoder: TextEncoder) -> None:
    np.testing.assert_array_equal(*encoder.encode(["a dog", "a\0 dog\udfff"]))


def test_a_long_text_is_cut(encoder: TextEncoder) -> None:
    np.testing.assert_array_equal(*encoder.encode(["dog " * 126, "dog " * 5_000]))


@pytest.mark.parametrize("texts", ["a dog", b"a dog", ["a", 1], [None]])
def test_what_is_not_texts_is_refused(encoder: TextEncoder, texts: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="expected a"):
        encoder.encode(texts)


def test_alike_meanings_are_near(encoder: TextEncoder) -> None:
    dog, puppy, invoice = encoder.encode(["a dog", "a puppy", "an invoice for taxes"])
    assert dog @ puppy > 0.6 > 0.3 > dog @ invoice


def test_fixed_texts_are_encoded_once(encoder: TextEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path))
    said: list[str] = []
    first = cached_vectors(encoder, TEXTS, progress=said.append)
    np.testing.assert_array_equal(cached_vectors(encoder, TEXTS, progress=said.append), first)
    np.testing.assert_array_equal(first, encoder.encode(TEXTS))
    assert len(said) == 1
    next(tmp_path.rglob("*.f32")).write_bytes(b"damaged")
    np.testing.assert_array_equal(cached_vectors(encoder, TEXTS, progress=said.append), first)
    assert len(said) == 2
    cached_vectors(encoder, [*TEXTS, "\ud800"], progress=said.append)
    assert len(said) == 3


def test_unknown_encoders_and_damaged_graphs_are_refused() -> None:
    with pytest.raises(UnknownEncoderError, match="minilm-l6"):
        load_text_encoder("word2vec")
    with pytest.raises(EncoderError, match="refuses the graph"):
        MiniLMEncoder(minilm_card(), b"not a graph")
    with pytest.raises(InvalidArgumentError, match="n_threads"):
        load_text_encoder(n_threads=0)
