"""Time of queries on 100,000 photos."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import lookalike
from benchmarks.report import Cell
from benchmarks.understanding.large import N_KINDS, TAGS
from benchmarks.understanding.looks import COLOURS
from lookalike.collection.learned_tags import tags_now
from lookalike.concepts import imagenet

N_WARM = 5


def latency_rows(directory: Path, *, n_queries: int) -> list[list[Cell]]:
    """Processor time of each kind of query, all different: milliseconds, one thread."""
    rng = np.random.default_rng(0)
    names = imagenet().names
    rows: list[list[Cell]] = []
    with lookalike.Collection.open(directory, create=False) as photos:
        ids = photos.ids()
        tags_now(photos, wait=True)  # else learned beside the queries, by this process

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
