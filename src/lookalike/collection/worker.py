"""A worker process: reads photos, one line of JSON in, one line of JSON out for each.

Run as ``python -m lookalike.collection.worker``. The first line on standard input holds the settings and is answered
by ``"ready"``; every further line names a file to read, and the answer holds either the photo (content hash, facts,
embedding) or the reason why it cannot be one; ``again`` marks reasons that lie outside the file, ``stop`` those that
hold for every file. A process of its own because decoders of hostile or broken files may
crash or never end: then the parent loses one photo, not the run (see worker_process.py). It ends when standard input
does, so a parent that is killed leaves nothing behind.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from lookalike.catalog import Catalog
from lookalike.collection.thumbnails import ThumbnailStore
from lookalike.encoders import ImageEncoder, load_encoder
from lookalike.errors import CollectionError, EncoderError, PhotoError, UnsupportedPhotoError
from lookalike.photos import PhotoLimits, read_photo, read_sidecar, thumbnail

__all__ = ["main"]


class _Reader:
    """Reads one file after the other with the same encoder."""

    def __init__(self, settings: dict[str, Any]) -> None:
        collection = Path(settings["collection"])
        self.limits = PhotoLimits(**settings["limits"])
        self.catalog = Catalog(collection / "catalog.sqlite", writable=False)
        self.min_side: int = settings["min_side"]
        self.thumbnails = ThumbnailStore(collection / "thumbnails")
        self.encoder: ImageEncoder = load_encoder(settings["encoder"], precision=settings["precision"], n_threads=1)

    def read(self, path: Path) -> dict[str, Any]:
        """Return what the catalog stores of the photo at `path`."""
        self.limits.check_bytes(path.stat().st_size)
        data = path.read_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        known = self.catalog.id_of_content(sha256) is not None
        photo = read_photo(data, name=path.name, limits=self.limits, min_side=self.min_side)
        sidecar = read_sidecar(path)
        facts = photo.facts.merged(sidecar) if sidecar else photo.facts
        embedding = None
        if not known:
            self._store_thumbnail(sha256, thumbnail(photo.image))
            vector = self.encoder.encode([photo.image]).embeddings[0]
            embedding = base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii")
        return {
            "sha256": sha256,
            "format": photo.format,
            "bytes": len(data),
            "width": photo.width,
            "height": photo.height,
            "taken_at": facts.taken_at,
            "title": facts.title,
            "facts": facts.to_json(),
            "text": [facts.caption or "", " ".join(facts.keywords), facts.creator or ""],
            "embedding": embedding,
        }

    def _store_thumbnail(self, sha256: str, jpeg: bytes) -> None:
        try:
            self.thumbnails.put(sha256, jpeg)
        except OSError as error:
            message = f"`{self.thumbnails.root}` cannot be written to: {error.strerror or error}."
            raise CollectionError(f"{message} Mend that and add again; what was added is kept.") from error


def main() -> None:
    """Answer lines until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to answer, also where there are no sessions
    # Libraries below may print; what they print must not end up between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="ascii")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    requests = sys.stdin
    reader = _Reader(json.loads(requests.readline()))
    answers.write('"ready"\n')
    answers.flush()
    for line in requests:
        try:
            answer = reader.read(Path(json.loads(line)))
        except UnsupportedPhotoError as error:  # a package that is installed later may change that
            answer = {"reason": str(error), "again": True}
        except (PhotoError, EncoderError) as error:
            answer = {"reason": str(error)}
        except CollectionError as error:
            answer = {"stop": str(error)}
        except OSError as error:
            answer = {"reason": f"The file cannot be read: {error.strerror or error}.", "again": True}
        except MemoryError:
            answer = {"reason": "The photo needs more memory than there is.", "again": True}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
