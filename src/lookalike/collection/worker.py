"""A worker process: reads photos, one line of JSON in, one line of JSON out for every eight.

Run as ``python -m lookalike.collection.worker``. The first line on standard input holds the settings and is answered
by ``"ready"``; every further line lists files to read, and the answer lists for each of them either the photo (content
hash, facts, embedding) or the reason why it cannot be one; ``again`` marks reasons that lie outside the file, ``stop``
those that hold for every file. The files of a line go through each step together, which takes less time than one photo
after the other; their embeddings are the same to the bit. A process of its own because decoders of hostile or broken
files may crash or never end: then the parent loses one photo, not the run (see worker_process.py). It ends when
standard input does, so a parent that is killed leaves nothing behind; where a decoder never comes back to look, an
alarm ends it.
"""

from __future__ import annotations

import base64
import gc
import hashlib
import json
import math
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lookalike.catalog import Catalog
from lookalike.collection.file_tags import exif_tags, parts_of, plain_tags
from lookalike.collection.looking import Looker
from lookalike.collection.seen import RECIPE
from lookalike.collection.thumbnails import ThumbnailStore
from lookalike.collection.vectors import CATALOG
from lookalike.encoders import ImageEncoder, load_encoder
from lookalike.errors import CollectionError, EncoderError, PhotoError, UnsupportedPhotoError
from lookalike.photos import DecodedPhoto, PhotoLimits, read_photo, read_sidecar, thumbnail
from lookalike.query import normalised

__all__ = ["main"]


_SPARE_SECONDS = 3
"""After its time a parent that lives would have ended its worker."""
_MAX_ALARM_SECONDS = 1_000_000

_Answer = dict[str, Any]
_FAILURES = (PhotoError, EncoderError, CollectionError, OSError, MemoryError)


class _Reader:
    """Reads files with the same encoder."""

    def __init__(self, settings: dict[str, Any]) -> None:
        collection = Path(settings["collection"])
        self.limits = PhotoLimits(**settings["limits"])
        self.catalog = Catalog(collection / CATALOG, writable=False)
        self.min_side: int = settings["min_side"]
        self.thumbnails = ThumbnailStore(collection / "thumbnails")
        self.encoder: ImageEncoder = load_encoder(settings["encoder"], precision=settings["precision"], n_threads=1)
        self.looker = Looker(self.encoder, nsfw=settings["nsfw"])

    def read(self, paths: Sequence[Path]) -> list[_Answer]:
        """Return for each of `paths` what the catalog stores of the photo, or why there is none."""
        answers: list[_Answer] = []
        new: list[tuple[_Answer, DecodedPhoto]] = []
        for path in paths:
            try:
                answer, photo = self._photo(path)
            except _FAILURES as error:
                answer, photo = _failure(error), None
            answers.append(answer)
            if photo is not None:
                new.append((answer, photo))
        if new:
            self._look(new)
        return answers

    def _photo(self, path: Path) -> tuple[_Answer, DecodedPhoto | None]:
        """Return what can be said without the network, and the photo if its content is new."""
        self.limits.check_bytes(path.stat().st_size)
        data = path.read_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        known = self.catalog.id_of_content(sha256) is not None
        seen = self.catalog.seen.holds(sha256, RECIPE)
        photo = read_photo(data, name=path.name, limits=self.limits, min_side=self.min_side)
        sidecar = read_sidecar(path)
        facts = photo.facts.merged(sidecar) if sidecar else photo.facts
        if not known:
            self._store_thumbnail(sha256, thumbnail(photo.image))
        answer = {
            "sha256": sha256,
            "format": photo.format,
            "bytes": len(data),
            "width": photo.width,
            "height": photo.height,
            "taken_at": facts.taken_at,
            "title": facts.title,
            "facts": facts.to_json(),
            "text": [facts.caption or "", " ".join(facts.keywords), facts.creator or ""],
            "tags": plain_tags(facts),
            "machine_tags": [parts_of(tag) for tag in exif_tags(facts)],
            "embedding": None,
            "seen": None,
            "labels": [],
        }
        return answer, None if known and seen else photo

    def _look(self, photos: Sequence[tuple[_Answer, DecodedPhoto]]) -> None:
        """Put the embedding of each picture, and what is seen in it, into its answer, or else why there is none."""
        try:
            looked = self.looker.look(
                [photo.image for _, photo in photos],
                [(photo.width, photo.height) for _, photo in photos],
                [photo.jpeg_step for _, photo in photos],
            )
        except _FAILURES as error:
            if len(photos) > 1:  # one of them: the others are not to suffer for it
                for photo in photos:
                    self._look([photo])
                return
            answer = photos[0][0]
            answer.clear()
            answer.update(_failure(error))
            return
        for (answer, _), each in zip(photos, looked, strict=True):
            answer["embedding"] = _ascii(each.embedding.astype("<f4").tobytes())
            answer["seen"] = [_ascii(field) for field in each.seen.to_row()]
            answer["labels"] = [[normalised(label), label, score] for label, score in each.labels]

    def _store_thumbnail(self, sha256: str, jpeg: bytes) -> None:
        try:
            self.thumbnails.put(sha256, jpeg)
        except OSError as error:
            message = f"`{self.thumbnails.root}` cannot be written to: {error.strerror or error}."
            raise CollectionError(f"{message} Mend that and add again; what was added is kept.") from error


def _ascii(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _failure(error: BaseException) -> _Answer:
    match error:
        case UnsupportedPhotoError():  # a package that is installed later may change that
            return {"reason": str(error), "again": True}
        case CollectionError():
            return {"stop": str(error)}
        case OSError():
            return {"reason": f"The file cannot be read: {error.strerror or error}.", "again": True}
        case MemoryError():
            return {"reason": "The photo needs more memory than there is.", "again": True}
    return {"reason": str(error)}


def _alarm_after(seconds: float) -> None:
    """Let the system end this process after so long, whatever code it is in then; 0: not any more."""
    if hasattr(signal, "alarm"):
        signal.alarm(min(math.ceil(seconds), _MAX_ALARM_SECONDS) if math.isfinite(seconds) else 0)


def main() -> None:
    """Answer lines until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to answer, also where there are no sessions
    # Libraries below may print; what they print must not end up between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="ascii")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    requests = sys.stdin
    reader = _Reader(json.loads(requests.readline()))
    gc.freeze()  # what is there now stays: not to be looked through for garbage again and again
    answers.write('"ready"\n')
    answers.flush()
    for line in requests:
        _alarm_after(2 * reader.limits.max_seconds + _SPARE_SECONDS)
        answers.write(json.dumps(reader.read([Path(path) for path in json.loads(line)])) + "\n")
        _alarm_after(0)
        answers.flush()


if __name__ == "__main__":
    main()
