"""`collection.json`: what a collection is and which encoder made its embeddings."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from lookalike.encoders import EncoderCard, ImageEncoder, load_encoder
from lookalike.errors import CollectionError, FormatError, NewerVersionError

__all__ = ["CollectionSettings", "Precision"]

FORMAT = "lookalike-collection"
FORMAT_VERSION = 1

Precision = Literal["int8", "fp32"]


@dataclass(frozen=True, slots=True)
class CollectionSettings:
    """The settings of a collection, fixed when it is made.

    Attributes
    ----------
    encoder : str
        Name that `load_encoder` takes.
    precision : str
        "int8" or "fp32".
    card : EncoderCard
        Identity of the encoder: embeddings of any other cannot be compared with those stored.
    nsfw : bool
        Whether photos are judged by open_nsfw when they are added.
    """

    encoder: str
    precision: Precision
    card: EncoderCard
    nsfw: bool = True

    @property
    def min_side(self) -> int:
        """Short side in px down to which a decoder may shrink photos.

        A third more than the encoder asks for: shrinking by whole factors right down to its size changes the nearest
        photo of one in eight, this one of one in twenty-five; it costs nothing more, and thumbnails stay sharp.
        """
        return self.card.min_side * 4 // 3

    def write(self, path: Path) -> None:
        """Write to `path`, whole or not at all."""
        content = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "encoder": self.encoder,
            "precision": self.precision,
            "card": json.loads(self.card.to_json()),
            "nsfw": self.nsfw,
        }
        temporary = path.with_name(path.name + ".new")
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(content, file, indent=2, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)

    def load_encoder(self, *, progress: Callable[[str], None] | None = None) -> ImageEncoder:
        """Load the encoder that made the embeddings.

        Raises
        ------
        CollectionError
            What is installed is not the encoder that made them.
        """
        encoder = load_encoder(self.encoder, precision=self.precision, progress=progress)
        if encoder.card.fingerprint != self.card.fingerprint:
            message = (
                f"The embeddings of this collection were made by {self.card.name} {self.card.version} "
                f"({self.card.fingerprint[:12]}), but installed here is {encoder.card.name} {encoder.card.version} "
                f"({encoder.card.fingerprint[:12]}). Install the version that made them, or add the photos to a new "
                "collection."
            )
            raise CollectionError(message)
        return encoder

    @classmethod
    def read(cls, path: Path) -> CollectionSettings:
        """Read `path`.

        Raises
        ------
        FormatError
            Missing, not such a file, damaged, or newer than this version.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["format"] != FORMAT:
                raise FormatError(f"`{path}` does not describe a Lookalike collection.")
            if content["format_version"] > FORMAT_VERSION:
                message = (
                    f"`{path}` has format version {content['format_version']}, but this version of Lookalike reads up "
                    f"to {FORMAT_VERSION}. Upgrade: pip install --upgrade lookalike"
                )
                raise NewerVersionError(message)
            if content["precision"] not in get_args(Precision):
                raise ValueError(f"precision is {content['precision']!r}")
            return cls(
                encoder=str(content["encoder"]),
                precision=content["precision"],
                card=EncoderCard.from_json(json.dumps(content["card"])),
                nsfw=bool(content.get("nsfw", True)),
            )
        except FormatError:
            raise
        except FileNotFoundError as error:
            raise FormatError(f"`{path}` is missing. Put it back from a backup.") from error
        except (ValueError, KeyError, TypeError) as error:
            message = f"`{path}` is damaged ({type(error).__name__}: {error}). Put a sound copy in its place."
            raise FormatError(message) from error
