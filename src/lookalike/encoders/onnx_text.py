"""The text side of an ONNX pair, as the table [text] of its card describes it (docs/formats/encoder-card.md).

Texts are cut by Hugging Face's `tokenizers` from the `tokenizer.json` that comes with the network, which puts marks of
start and end where its own post-processor says so. Marks that somebody writes out are plain text.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lookalike.encoders.card import EncoderCard
from lookalike.encoders.joint_text import PLAIN, JointTextEncoder
from lookalike.encoders.onnx_session import open_session
from lookalike.encoders.text import TextCard
from lookalike.errors import EncoderError, FormatError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["TextTable", "load_onnx_text", "read_checked", "read_text_table"]

_TEXTS = ("file", "sha256", "tokenizer", "tokenizer_sha256", "input", "embedding", "attention_mask")
_REQUIRED = ("file", "sha256", "tokenizer", "tokenizer_sha256", "context_length", "input", "embedding")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTable:
    """The table [text] of a card.

    Attributes
    ----------
    file, tokenizer
        ONNX file and `tokenizer.json`, relative to the card.
    sha256, tokenizer_sha256
        Of these.
    context_length
        Pieces of a text, marks of start and end included, that the network reads.
    input, embedding
        Names of the graph's input of numbers, and of its output in the joint space.
    attention_mask
        Name of the input that tells pieces from padding; None where there is none.
    padding_id
        Number with which texts are filled up to `context_length`; None where each has its own length.
    lower_case
        Whether texts are made lower case first.
    templates
        Sentences into which a text is put.
    """

    file: str
    sha256: str
    tokenizer: str
    tokenizer_sha256: str
    context_length: int
    input: str
    embedding: str
    attention_mask: str | None = None
    padding_id: int | None = None
    lower_case: bool = False
    templates: tuple[str, ...] = PLAIN


def read_text_table(table: Any, path: Path) -> TextTable:  # noqa: ANN401
    """Check the table [text] of a card.

    Parameters
    ----------
    table
        As it was read.
    path
        Of the card, for messages.

    Raises
    ------
    FormatError
        If a field is missing, unknown or holds a wrong value.
    """
    if not isinstance(table, dict):
        raise FormatError(f"{path}: `text` is no table. Write [text], and its fields below.")
    known = {field.name for field in fields(TextTable)}
    if unknown := sorted(set(table) - known):
        raise FormatError(f"{path}: [text] has unknown fields: {', '.join(unknown)}. Known are {sorted(known)}.")
    if missing := [field for field in _REQUIRED if field not in table]:
        raise FormatError(f"{path}: [text] lacks {', '.join(missing)}.")
    if wrong := sorted(field for field in _TEXTS if not isinstance(table.get(field, ""), str)):
        raise FormatError(f"{path}: in [text], {', '.join(wrong)} must be text.")
    for field, least in (("context_length", 1), ("padding_id", 0)):
        value = table.get(field, least)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise FormatError(f"{path}: in [text], {field} is {value!r}, expected an integer from {least} on.")
    if not isinstance(table.get("lower_case", False), bool):
        raise FormatError(f"{path}: in [text], lower_case is {table['lower_case']!r}, expected true or false.")
    templates = table.get("templates", list(PLAIN))
    if (
        not isinstance(templates, list)
        or not templates
        or not all(isinstance(each, str) and each.count("{}") == 1 for each in templates)
    ):
        raise FormatError(
            f'{path}: in [text], templates is {templates!r}, expected a list of texts such as "a photo of a {{}}", '
            "each with {} once, where the words are put."
        )
    return TextTable(**{**table, "templates": tuple(templates)})


def load_onnx_text(table: TextTable, path: Path, card: EncoderCard, *, n_threads: int = 1) -> JointTextEncoder:
    """Load the text side of an encoder.

    Parameters
    ----------
    table
        What it is.
    path
        Of the card, to which its files are relative.
    card
        Of the photos' side.
    n_threads
        Threads that one call of `encode` may use.

    Raises
    ------
    EncoderError
        If a file is missing, is not the one that the card means, or does not fit the card.
    """
    graph = read_checked(path.parent / table.file, table.sha256, path)
    vocabulary = read_checked(path.parent / table.tokenizer, table.tokenizer_sha256, path)
    settings = json.dumps(asdict(table), sort_keys=True)
    text_card = TextCard(
        name=card.name,
        version=card.version,
        weights_sha256=hashlib.sha256(settings.encode()).hexdigest(),
        dim=card.dim,
        max_tokens=table.context_length,
        licence=card.licence,
        source=card.source,
    )
    network = _TextNetwork(card.name, graph, _tokenizer(vocabulary, table, path), table, path, n_threads=n_threads)
    return JointTextEncoder(text_card, network, templates=table.templates, lower_case=table.lower_case)


def read_checked(file: Path, sha256: str, card: Path) -> bytes:
    """Bytes of a file that a card names with its sum.

    Raises
    ------
    EncoderError
        If it cannot be read, or has another sum.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise EncoderError(f"{file}, named in {card}, cannot be read: {error.strerror}.") from error
    if (found := hashlib.sha256(data).hexdigest()) != sha256:
        raise EncoderError(
            f"{file} has sha256 {found}, but {card} names {sha256}. Get the file that was meant, or, if the change is "
            "yours, write the new sum into the card and change its version."
        )
    return data


def _tokenizer(vocabulary: bytes, table: TextTable, path: Path) -> Tokenizer:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_str(vocabulary.decode())
        if (n_marks := tokenizer.num_special_tokens_to_add(is_pair=False)) >= table.context_length:
            raise ValueError(f"its marks of start and end alone are {n_marks} pieces")
        tokenizer.enable_truncation(table.context_length)
        tokenizer.no_padding()
        if table.padding_id is not None:
            tokenizer.enable_padding(pad_id=table.padding_id, pad_token="", length=table.context_length)
        tokenizer.encode_special_tokens = True
        tokenizer.encode("")
    except Exception as error:  # the library raises nothing narrower
        raise EncoderError(
            f"{path.parent / table.tokenizer}, named in {path}, is not a tokenizer.json that works with a "
            f"context_length of {table.context_length}: {error}"
        ) from error
    return tokenizer


class _TextNetwork:
    """From a sentence to the vector that an ONNX graph gives it."""

    def __init__(
        self, name: str, graph: bytes, tokenizer: Tokenizer, table: TextTable, path: Path, *, n_threads: int
    ) -> None:
        self._name = name
        self._tokenizer = tokenizer
        self._output = table.embedding
        self._session = open_session(graph, f"{name}, text side", n_threads=n_threads)
        inputs = {node.name: node for node in self._session.get_inputs()}
        outputs = {node.name for node in self._session.get_outputs()}
        named = {table.input} | ({table.attention_mask} if table.attention_mask is not None else set())
        if set(inputs) != named or table.embedding not in outputs:
            raise EncoderError(
                f"{path.parent / table.file} has inputs {sorted(inputs)} and outputs {sorted(outputs)}, but {path} "
                f"names inputs {sorted(named)} and output {table.embedding!r}. Correct input, attention_mask and "
                "embedding in [text]."
            )
        self._input, self._mask = table.input, table.attention_mask
        self._types = {}
        for node in inputs.values():
            if node.type not in ("tensor(int64)", "tensor(int32)"):
                raise EncoderError(
                    f"{path.parent / table.file}: the input {node.name!r} is {node.type}, expected int64 or int32."
                )
            self._types[node.name] = np.int64 if node.type == "tensor(int64)" else np.int32
            self._check_shape(node.shape, table, path)

    @staticmethod
    def _check_shape(shape: list[int | str | None], table: TextTable, path: Path) -> None:
        if len(shape) != 2 or (isinstance(shape[0], int) and shape[0] != 1):
            problem = f"the graph takes {tuple(shape)}, expected (n, length) or (1, length)"
        elif isinstance(shape[1], int) and shape[1] != table.context_length:
            problem = f"the graph takes {shape[1]} numbers, but context_length is {table.context_length}"
        elif isinstance(shape[1], int) and table.padding_id is None:
            problem = f"the graph always takes {shape[1]} numbers: give the padding_id that shorter texts end with"
        else:
            return
        raise EncoderError(f"{path.parent / table.file}, named in [text] of {path}: {problem}.")

    def __call__(self, sentence: str) -> NDArray[np.float32]:
        pieces = self._tokenizer.encode(sentence)
        feed = {self._input: np.array([pieces.ids], self._types[self._input])}
        if self._mask is not None:
            feed[self._mask] = np.array([pieces.attention_mask], self._types[self._mask])
        try:
            vectors = self._session.run([self._output], feed)[0]
        except Exception as error:  # ONNX Runtime's exceptions share no base class
            raise EncoderError(f"the text side of {self._name} failed: {error}") from error
        vector: NDArray[np.float32] = np.asarray(vectors, np.float32)
        return vector[0] if vector.ndim == 2 else vector
