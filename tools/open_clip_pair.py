"""Make an ONNX pair with a card of a model of OpenCLIP: the same vectors without PyTorch, which is then not needed.

    python tools/open_clip_pair.py ViT-B-32/laion2b_s34b_b79k clip --licence MIT
    lookalike add ~/Pictures --encoder clip/card.toml -c joint.lookalike

The model is named as after `open_clip:`, also `MODEL@path/to/checkpoint.safetensors`. Into the folder go `photos.onnx`,
`words.onnx`, `tokenizer.json` and `card.toml`. Only models whose texts are cut by OpenCLIP's own byte-pair encoding are
taken; what it mends of texts beforehand (HTML entities, broken encodings) is left out.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lookalike.encoders import EncoderCard
from lookalike.encoders.open_clip_encoder import open_model
from lookalike.errors import LookalikeError

PIECES = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
START, END = "<start_of_text>", "<end_of_text>"
PLAIN_QUOTES = {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'}
CARD = """\
[card]
name = {name}
version = {version}
precision = "fp32"
dim = {dim}
transform = "none"
licence = {licence}
source = {source}

[preprocessing]
input_size = {input_size}
crop = {crop}
fit = {fit}
interpolation = {interpolation}
mean = {mean}
std = {std}

[model]
file = "photos.onnx"
sha256 = {photos}
input = "pixels"
embedding = "embedding"

[text]
file = "words.onnx"
sha256 = {words}
tokenizer = "tokenizer.json"
tokenizer_sha256 = {tokenizer}
context_length = {context_length}
padding_id = 0
input = "input_ids"
embedding = "embedding"
"""


def write_tokenizer(path: Path) -> None:
    """Write OpenCLIP's byte-pair encoding as `tokenizer.json`."""
    from open_clip.tokenizer import bytes_to_unicode, default_bpe
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    lines = gzip.decompress(Path(default_bpe()).read_bytes()).decode().split("\n")
    pairs = map(str.split, lines[1 : 49152 - 256 - 2 + 1])  # as OpenCLIP reads them
    merges = [(left, right) for left, right in pairs]
    letters = list(bytes_to_unicode().values())
    pieces = [*letters, *(letter + "</w>" for letter in letters), *map("".join, merges), START, END]
    numbers = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(numbers, merges, end_of_word_suffix="</w>"))
    quotes = [normalizers.Replace(curled, plain) for curled, plain in PLAIN_QUOTES.items()]
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), *quotes, normalizers.Lowercase()])
    split = pre_tokenizers.Split(Regex(PIECES), behavior="removed", invert=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, numbers[START]), (END, numbers[END])]
    )
    tokenizer.add_special_tokens([START, END])
    tokenizer.save(str(path))


def export(model: Any, function: Callable[[Any], Any], example: Any, name: str, path: Path) -> None:  # noqa: ANN401
    """Write what a function of a model does as an ONNX file."""
    import torch

    class Side(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, batch: Any) -> Any:  # noqa: ANN401
            return function(batch)

    with warnings.catch_warnings():
        # The newer exporter needs another package; what this one warns of (negative indices) these models have not,
        # and vectors are compared by the tests.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Side().eval(),
            (example,),
            path,
            input_names=[name],
            output_names=["embedding"],
            dynamic_axes={name: {0: "n"}, "embedding": {0: "n"}},
            dynamo=False,
        )


def make_pair(name: str, folder: Path, *, licence: str = "unknown") -> Path:
    """Make the pair of a model; returns the path of its card.

    Parameters
    ----------
    name : str
        As after `open_clip:`.
    folder : Path
        May exist.
    licence : str
        Of the weights: SPDX name.

    Raises
    ------
    LookalikeError
        If the model cannot be opened.
    SystemExit
        If its texts are cut in another way.
    """
    model, card, model_name = open_model(name)
    import open_clip
    import torch

    tokenizer = open_clip.get_tokenizer(model_name)
    if type(tokenizer) is not open_clip.tokenizer.SimpleTokenizer:
        raise SystemExit(
            f"{model_name} cuts texts by {type(tokenizer).__name__}; only OpenCLIP's own way is known here."
        )
    folder.mkdir(parents=True, exist_ok=True)
    pixels = torch.zeros(1, 3, card.input_size, card.input_size)
    export(model, model.encode_image, pixels, "pixels", folder / "photos.onnx")
    export(model, model.encode_text, tokenizer(["a photo"]), "input_ids", folder / "words.onnx")
    write_tokenizer(folder / "tokenizer.json")
    path = folder / "card.toml"
    path.write_text(card_text(card, folder, licence, tokenizer.context_length), encoding="utf-8")
    return path


def card_text(card: EncoderCard, folder: Path, licence: str, context_length: int) -> str:
    """Write the card of the pair in a folder."""
    sums = {
        part: hashlib.sha256((folder / file).read_bytes()).hexdigest()
        for part, file in (("photos", "photos.onnx"), ("words", "words.onnx"), ("tokenizer", "tokenizer.json"))
    }
    fields = {
        **{name: getattr(card, name) for name in ("version", "dim", "source", "input_size", "crop", "fit")},
        **{name: getattr(card, name) for name in ("interpolation", "mean", "std")},
        **sums,
        "name": card.name.removeprefix("open_clip:"),
        "licence": licence,
        "context_length": context_length,
    }
    return CARD.format(**{name: json.dumps(value) for name, value in fields.items()})


def main() -> None:
    """Run the tool."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="as after open_clip:")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--licence", default="unknown", help="of the weights: SPDX name")
    arguments = parser.parse_args()
    try:
        print(f"Use it with --encoder {make_pair(arguments.model, arguments.folder, licence=arguments.licence)}")
    except LookalikeError as error:
        raise SystemExit(f"Error: {error}") from None


if __name__ == "__main__":
    main()
