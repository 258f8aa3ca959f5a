"""Make the golden collection of version 3 again: `python tools/golden_collection.py tests/collection/golden/version-3`.

Only while the version is not released: afterwards the files there are kept for ever as they are. Seven small drawn
pictures with sidecars, of which one has gone; a file that is no photo; tags given and rejected; a taught filter; a
query that was asked. Paths in it are those of no machine.
"""

from __future__ import annotations

import shutil
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import numpy as np
from PIL import Image

import lookalike
from lookalike.collection.probe import Probe

COLOURS = ((200, 30, 30), (30, 160, 40), (30, 60, 200), (230, 210, 40), (20, 20, 20), (240, 240, 240), (120, 60, 160))
SIDECAR = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:exif="http://ns.adobe.com/exif/1.0/"
 exif:GPSLatitude="52,{minutes}.0N" exif:GPSLongitude="13,24.0E">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">Title {i}</rdf:li></rdf:Alt></dc:title>
<dc:subject><rdf:Bag><rdf:li>Flat Colour</rdf:li><rdf:li>number{i}</rdf:li></rdf:Bag></dc:subject>
</rdf:Description></rdf:RDF></x:xmpmeta>
"""


def draw(folder: Path) -> None:
    """Draw the pictures, with a sidecar each."""
    rng = np.random.default_rng(3)
    for i, colour in enumerate(COLOURS):
        pixels = np.tile(np.array(colour, np.float64), (96, 128, 1)) + rng.normal(0, 6, (96, 128, 3))
        box = (slice(20 + 4 * i, 50 + 4 * i), slice(30, 60 + 8 * i))
        pixels[box] = 255 - pixels[box]
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{i}.png")
        (folder / f"{i}.png.xmp").write_text(SIDECAR.format(i=i, minutes=30 + i))
    (folder / "broken.jpg").write_bytes(b"")


def reddish(photos: lookalike.Collection) -> Probe:
    """Return a filter that likes photo 1, without the examples that teaching asks for."""
    compared = photos.raw_embeddings([1])[0] - photos.mean
    return Probe(
        name="Reddish",
        weights=(8 * compared / np.linalg.norm(compared)).astype(np.float32),
        bias=-4.0,
        mean=photos.mean,
        threshold=0.5,
        average_precision=0.9,
        precision=0.8,
        recall=0.7,
        prior=0.1,
        n_examples=5,
        n_negatives=0,
        n_background=20,
        encoder=photos.settings.card.fingerprint,
    )


def main(target: Path) -> None:
    """Make the collection."""
    with tempfile.TemporaryDirectory() as root:
        folder, collection = Path(root) / "photos", Path(root) / "photos.lookalike"
        folder.mkdir()
        draw(folder)
        with lookalike.Collection.open(collection) as photos:
            photos.add(folder, n_workers=1)
            (folder / "6.png").unlink()
            photos.add(folder, n_workers=1)
            photos.tag([1, 2], "Barn Door")
            photos.tag(1, 'dopplr:eat="San Francisco"')
            photos.reject_tags(3, "Barn Door", "flat nonsense")
            photos.save_filter(reddish(photos))
        with closing(sqlite3.connect(collection / "catalog.sqlite", isolation_level=None)) as db:
            for table in ("files", "failures"):
                db.execute(f"UPDATE {table} SET path = replace(path, ?, '/photos/')", (f"{folder}/",))
            db.execute("INSERT INTO past_queries VALUES ('boat', 'boat', 1, '2026-11-24T12:00:00')")
            db.execute("VACUUM")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        target.mkdir(parents=True, exist_ok=True)
        for name in ("catalog.sqlite", "collection.json"):
            shutil.copy(collection / name, target / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
