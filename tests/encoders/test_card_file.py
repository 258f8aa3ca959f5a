"""Any ONNX file with a card is an encoder; one that does not fit its card is refused with the reason."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.encoders import load_encoder
from lookalike.errors import EncoderError, FormatError

WriteCard = Callable[..., Path]


def test_the_embedding_is_what_the_graph_computes(write_card: WriteCard) -> None:
    values = np.zeros((32, 32, 3), np.uint8)
    values[:16, :16] = (200, 100, 50)
    (embedding,) = load_encoder(str(write_card())).encode([Image.fromarray(values)]).embeddings
    grid = np.zeros((3, 2, 2))
    grid[:, 0, 0] = (200, 100, 50)
    expected = (grid.ravel() - 100) / 64
    np.testing.assert_allclose(embedding, expected / np.linalg.norm(expected), atol=1e-6)


def test_a_uint8_graph_normalises_for_itself_and_sqrt_is_applied(write_card: WriteCard) -> None:
    values = np.zeros((32, 32, 3), np.uint8)
    values[:16, :16] = (200, 100, 50)
    encoder = load_encoder(str(write_card(uint8=True, transform="sqrt")))
    (embedding,) = encoder.encode([Image.fromarray(values)]).embeddings
    expected = np.zeros((3, 2, 2))
    expected[:, 0, 0] = np.sqrt([200, 100, 50])
    np.testing.assert_allclose(embedding, expected.ravel() / np.linalg.norm(expected), atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "error", "reason"),
    [
        ({"sha256": "0" * 64}, EncoderError, "has sha256"),
        ({"sha256": "short"}, FormatError, "weights_sha256"),
        ({"input": "y"}, EncoderError, "names input 'y'"),
        ({"more": 'logits = "nothing"'}, EncoderError, "nothing"),
        ({"more": 'threads = "2"'}, FormatError, "unknown fields: threads"),
        ({"more": "logits = 3"}, FormatError, "must be text"),
        ({"transform": "log"}, FormatError, "`transform`"),
        ({"mean": '"grey"'}, FormatError, "`mean`"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(
    write_card: WriteCard, changes: dict[str, str], error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        load_encoder(str(write_card(**changes)))


def test_a_wrong_dimension_is_refused(write_card: WriteCard) -> None:
    path = write_card()
    path.write_text(path.read_text().replace("dim = 12", "dim = 13"))
    with pytest.raises(EncoderError, match=r"shape \(1, 12\).*promises \(n, 13\)"):
        load_encoder(str(path)).encode([Image.new("RGB", (40, 40))])


def test_a_zero_vector_is_refused(write_card: WriteCard) -> None:
    encoder = load_encoder(str(write_card(mean="0")))
    with pytest.raises(EncoderError, match="zero or not finite"):
        encoder.encode([Image.new("RGB", (40, 40))])


@pytest.mark.parametrize("content", [b"", b"not a graph"])
def test_a_file_that_is_no_graph_is_refused(write_card: WriteCard, content: bytes) -> None:
    import hashlib

    path = write_card(sha256=hashlib.sha256(content).hexdigest())
    (path.parent / "grid.onnx").write_bytes(content)
    with pytest.raises(EncoderError, match="ONNX Runtime refuses"):
        load_encoder(str(path))


def test_a_missing_graph_is_an_error(write_card: WriteCard) -> None:
    path = write_card()
    (path.parent / "grid.onnx").unlink()
    with pytest.raises(EncoderError, match="cannot be read"):
        load_encoder(str(path))


def test_a_card_without_its_model_table_is_refused(write_card: WriteCard) -> None:
    path = write_card()
    path.write_text(path.read_text().replace('input = "x"', ""))
    with pytest.raises(FormatError, match="lacks input"):
        load_encoder(str(path))
