"""Time of queries on 100,000 photos, and what `add` costs with everything on."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import lookalike
from benchmarks.report import Cell
from benchmarks.understanding.large import N_KINDS, TAGS
from benchmarks.understanding.looks import COLOURS
from lookalike.appearance import measure
from lookalike.collection.looking import Looker
from lookalike.concepts import imagenet
from lookalike.encoders import load_nsfw
from lookalike.photos import read_photo, thumbnail

N_WARM = 5


def latency_rows(directory: Path, *, n_queries: int) -> list[list[Cell]]:
    """Processor time of each kind of query, all different: milliseconds, one thread."""
    rng = np.random.default_rng(0)
    names = imagenet().names
    rows: list[list[Cell]] = []
    with lookalike.Collection.open(directory, create=False) as photos:
        ids = photos.ids()

        def photo() -> str:
            return f"photo:{rng.choice(ids)}"

        def word() -> str:
            return str(names[int(rng.integers(1000))]).replace("-", " ").replace("'", "")

        def learned() -> str:
            return f"kind{rng.integers(N_KINDS):04}"

        def colour() -> str:
            return f"colour:{rng.choice(COLOURS)}"

        def since() -> str:
            return f"since:{rng.integers(2016, 2024)}-{rng.integers(1, 13):02}"

        kinds: dict[str, Callable[[], list[str]]] = {
            "photo": lambda: [photo()],
            "word": lambda: [word()],
            "word that is a tag": lambda: [learned()],
            "colour": lambda: [colour()],
            "photo, since": lambda: [photo(), since()],
            "photo, word": lambda: [photo(), word()],
            "photo, word, colour": lambda: [photo(), word(), colour()],
            "photo, word that is a tag, colour": lambda: [photo(), learned(), colour()],
            "photo, word, colour, tag": lambda: [photo(), word(), colour(), f"tag:{rng.choice(TAGS)}"],
            "photo, word, colour, since": lambda: [photo(), word(), colour(), since()],
            "photo, minus photo, word, nsfw < .5": lambda: [photo(), f"-{photo()}", word(), "nsfw<0.5"],
            "photo, word, colour, since, cut": lambda: [photo(), word(), colour(), since(), "cut:yes"],
        }
        for kind, parts in kinds.items():
            rows.append([kind, *_latency(photos, parts, n_queries)])
    return rows


def region_row(photos: lookalike.Collection, *, n_queries: int) -> list[Cell]:
    """Processor time of the search by a part of a photo, which is read from its file and encoded for it."""
    rng = np.random.default_rng(0)
    ids = photos.ids()

    def query() -> list[str]:
        left, top = rng.uniform(0, 0.5, 2)
        return [f"photo:{rng.choice(ids)}[{left:.2f},{top:.2f},.5,.5]"]

    return ["part of a photo", *_latency(photos, query, n_queries)]


def _latency(photos: lookalike.Collection, query: Callable[[], list[str]], n_queries: int) -> list[Cell]:
    """Return the number of queries timed, their median and 95th percentile in milliseconds."""
    seconds = []
    for number in range(N_WARM + n_queries):
        text = " ".join(query())
        started = time.process_time()
        photos.search(text, k=20)
        if number >= N_WARM:
            seconds.append(time.process_time() - started)
    median, most = np.quantile(seconds, [0.5, 0.95]) * 1000
    return [n_queries, float(median), float(most)]


LATENCY = ["query", "queries", "p50, ms", "p95, ms"]


def candidates_row(directory: Path, *, n_queries: int) -> list[Cell]:
    """Share of the 20 best of a photo, a word and a colour that are found, against scoring every photo."""
    from lookalike.collection import query_search

    rng = np.random.default_rng(1)
    names = imagenet().names
    shares = []
    with lookalike.Collection.open(directory, create=False) as photos:
        ids = photos.ids()
        usual = query_search.N_CANDIDATES
        for _ in range(n_queries):
            name = names[int(rng.integers(1000))].replace("'", "")
            query = f"photo:{rng.choice(ids)} {name} colour:{rng.choice(COLOURS)}"
            found = {hit.id for hit in photos.search(query, k=20)}
            query_search.N_CANDIDATES = len(ids)
            every = {hit.id for hit in photos.search(query, k=20, exact=True)}
            query_search.N_CANDIDATES = usual
            shares.append(len(found & every) / 20)
    return ["photo, word, colour", n_queries, usual, float(np.mean(shares))]


def cost_rows(files: list[Path]) -> list[list[Cell]]:
    """Processor time of each step of `add` for a photo: milliseconds, the best of three rounds, one thread."""
    encoder, nsfw = lookalike.load_encoder(n_threads=1), load_nsfw()
    looker = Looker(encoder, nsfw=True)
    data = [path.read_bytes() for path in files]
    whole = [_bare(each) for each in data]
    small = [read_photo(each, min_side=encoder.card.min_side).image for each in data]
    pairs = [small[i : i + 2] for i in range(0, len(small), 2)]

    def all_of(each: list[bytes]) -> None:
        photos = [read_photo(one, min_side=encoder.card.min_side) for one in each]
        for photo in photos:
            thumbnail(photo.image)
        looker.look([photo.image for photo in photos], [(photo.width, photo.height) for photo in photos])

    data_pairs = [data[i : i + 2] for i in range(0, len(data), 2)]
    steps: dict[str, Callable[[], NDArray[np.float64]]] = {
        "bare encoder: decode, convert, encode": lambda: _times(lambda one: encoder.encode([_bare(one)]), data),
        "encoder alone, decoded before": lambda: _times(lambda one: encoder.encode([one]), whole),
        "everything": lambda: _times(all_of, data_pairs) / 2,
        "  read and shrink": lambda: _times(lambda one: read_photo(one, min_side=encoder.card.min_side), data),
        "  thumbnail": lambda: _times(thumbnail, small),
        "  encoder with class scores, two at a time": lambda: (
            _times(lambda two: encoder.encode(two, outputs=("logits",)), pairs) / 2
        ),
        "  open_nsfw, two at a time": lambda: _times(nsfw.score, pairs) / 2,
        "  colours, styles, quality, composition": lambda: _times(measure, small),
    }
    best = dict.fromkeys(steps, np.inf)
    for _ in range(3):  # in turns, so that what else runs here meets all
        for name, step in steps.items():
            best[name] = min(best[name], float(np.mean(step())))
    bare = best["bare encoder: decode, convert, encode"]
    return [[name, value * 1000, value / bare] for name, value in best.items()]


COST = ["step", "ms a photo", "of the bare encoder"]


def _bare(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def _times(step: Callable[..., object], inputs: Sequence[object]) -> NDArray[np.float64]:
    step(inputs[0])
    seconds = []
    for each in inputs:
        started = time.process_time()
        step(each)
        seconds.append(time.process_time() - started)
    return np.array(seconds)
