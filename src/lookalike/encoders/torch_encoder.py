"""What the encoders that run in PyTorch have in common; imported only by them, and only when one is asked for.

Local checkpoints are read as safetensors only: the older ``.pt`` and ``.pth`` files are pickles, which are programs.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lookalike.encoders.card import EncoderCard
from lookalike.encoders.encoder import Encoding, Output, check_request, finish_embeddings
from lookalike.encoders.preprocessing import normalised, pixels
from lookalike.encoders.text import TextEncoder
from lookalike.errors import EncoderError, InvalidArgumentError, UnknownEncoderError

__all__ = [
    "Forward",
    "TorchEncoder",
    "import_extra",
    "load_checkpoint",
    "split_checkpoint",
    "square_side",
    "weights_sha256",
]


_BATCH = 4
Forward = Callable[[Any], Mapping[Output, Any]]


def import_extra(module: str, extra: str) -> ModuleType:
    """Import a framework that is an optional extra.

    Raises
    ------
    UnknownEncoderError
        If it is not installed, or does not work here.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UnknownEncoderError(
            f"encoders `{extra}:NAME` need {module}, which is not installed ({error}): pip install 'lookalike[{extra}]'"
        ) from error
    except Exception as error:  # a torchvision that was built for another torch fails with RuntimeError
        raise UnknownEncoderError(
            f"{module} is installed but cannot be imported: {error}. Reinstall torch, torchvision and {module} "
            f"together: pip install --force-reinstall 'lookalike[{extra}]'"
        ) from error


def split_checkpoint(name: str) -> tuple[str, Path | None]:
    """Split ``NAME@path/to/checkpoint.safetensors``.

    Returns
    -------
    name : str
    checkpoint : Path or None
        None if no file is named.

    Raises
    ------
    InvalidArgumentError
        If the file is not a safetensors file.
    """
    name, at, path = name.partition("@")
    if not at:
        return name, None
    if not path.endswith(".safetensors"):
        raise InvalidArgumentError(
            f"the checkpoint {path!r} is not a .safetensors file. Other formats can run code when they are read; "
            "convert it with `safetensors.torch.save_file(state_dict, 'model.safetensors')`."
        )
    return name, Path(path)


def load_checkpoint(model: Any, path: Path) -> None:  # noqa: ANN401
    """Put the weights of a safetensors file into a model, all of them.

    Raises
    ------
    EncoderError
        If the file cannot be read, or does not hold exactly this model's weights.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        model.load_state_dict(load_file(path))
    except (OSError, SafetensorError) as error:
        raise EncoderError(f"the checkpoint {path} cannot be read: {error}") from error
    except RuntimeError as error:
        raise EncoderError(f"the checkpoint {path} is not one of this model: {error}") from error


def weights_sha256(model: Any) -> str:  # noqa: ANN401
    """Sum over a model's weights as they are in memory, wherever they came from.

    Returns
    -------
    str
        Hexadecimal sha256 of every name, type, shape and value, in order of names.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        values = tensor.detach().cpu().contiguous().numpy()
        digest.update(f"{name} {values.dtype} {values.shape}\n".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def square_side(size: Any, name: str) -> int:  # noqa: ANN401
    """Side of a network's input, given as one number or as (height, width).

    Raises
    ------
    EncoderError
        If it is not a square.
    """
    sides = {int(size)} if isinstance(size, int) else {int(side) for side in size}
    if len(sides) != 1:
        raise EncoderError(f"encoder {name} sees pictures of {tuple(size)} px; only square ones are supported.")
    return sides.pop()


class TorchEncoder:
    """An `ImageEncoder` over a function of tensors.

    Parameters
    ----------
    card
        What the network is.
    forward
        From a float tensor (n, 3, size, size) to tensors by the names of `Output`.
    text
        Loads the text side; None where there is none.
    n_threads
        Set for the whole process: PyTorch knows no other way.
    """

    def __init__(
        self,
        card: EncoderCard,
        forward: Forward,
        *,
        text: Callable[[], TextEncoder] | None = None,
        n_threads: int = 1,
    ) -> None:
        import torch

        if n_threads < 1:
            raise InvalidArgumentError(f"`n_threads` is {n_threads}, expected 1 or more.")
        torch.set_num_threads(n_threads)
        self._card = card
        self._forward = forward
        self._text = text
        self._available: tuple[Output, ...] = tuple(self._run([]))

    @property
    def card(self) -> EncoderCard:
        """What this encoder is."""
        return self._card

    def text_encoder(self) -> TextEncoder | None:
        """Load the text side; see `ImageEncoder.text_encoder`."""
        return None if self._text is None else self._text()

    def _run(self, images: Sequence[Image.Image]) -> dict[Output, NDArray[np.float32]]:
        import torch

        side = self._card.input_size
        # None at all: one black picture tells the shapes, and which outputs there are.
        batch = pixels(images, self._card) if images else np.zeros((1, side, side, 3), np.uint8)
        with torch.inference_mode():
            results = self._forward(torch.from_numpy(normalised(batch, self._card)))
            return {output: tensor.float().numpy()[: len(images)] for output, tensor in results.items()}

    def encode(self, images: Sequence[Image.Image], *, outputs: Sequence[Output] = ("embedding",)) -> Encoding:
        """Encode pictures; see `ImageEncoder.encode`."""
        check_request(images, outputs, available=self._available)
        starts = range(0, max(len(images), 1), _BATCH)
        parts = [self._run(images[start : start + _BATCH]) for start in starts]
        results = {output: np.concatenate([part[output] for part in parts]) for output in self._available}
        return Encoding(
            embeddings=finish_embeddings(results["embedding"], self._card),
            logits=results["logits"] if "logits" in outputs else None,
            feature_maps=results["feature_map"] if "feature_map" in outputs else None,
        )
