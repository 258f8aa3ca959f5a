"""What `add` costs with everything on, step by step, against the bare encoder: processor time for a photo.

The bare encoder is a plain loop, as in benchmarks/ingest.py: open, convert to RGB, encode, one photo a call. Steps are
measured in one process, the whole `add` against the bare encoder in a process per core, as `add` has its workers: cores
that are all at work share caches and memory, and each is slower for it.
"""

from __future__ import annotations

import io
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

import lookalike
from benchmarks.ingest import DEMO, PICTWO, _in_processes, _jpegs
from benchmarks.report import Cell, Report
from lookalike.appearance import measure_all
from lookalike.collection.ingest import n_cores
from lookalike.collection.looking import Looker
from lookalike.collection.worker_process import GROUP
from lookalike.encoders import load_nsfw
from lookalike.kernels.threads import one_blas_thread
from lookalike.photos import read_photo, thumbnail

BARE = "bare encoder: decode, convert, encode"
ALL_BARE = "all cores: bare encoder"
ALL_ADD = "all cores: `add`, everything and stored"
START = ", a few"


def run(*, quick: bool) -> Report:
    """Measure the demo's WebP files, JPEGs made of them, and smaller JPEGs."""
    report = Report("What `add` costs with everything on", "cost")
    webp = sorted(DEMO.rglob("*.webp"))[:: 2 if quick else 1]
    originals = sorted(PICTWO.glob("*/original/*.webp"))
    sets = {
        "WebP of 1.1 MP, the demo": webp,
        "JPEG of 1.1 MP, made of the demo": _jpegs(webp, 1),
        "JPEG of 0.4 MP, made of @pictwo": _jpegs(originals[:: 9 if quick else 5], 1),
        "JPEG of 1.6 MP, made of @pictwo": _jpegs(originals[:: 9 if quick else 5], 2),
        "JPEG of 6.6 MP, made of @pictwo": _jpegs(originals[:: 16 if quick else 8], 4),
    }
    for name, files in sets.items():
        report.table(name, ["step", "ms a photo", "of the bare encoder"], cost_rows(files))
    report.notes += [
        "Goal: everything on costs at most 1.6 times the bare encoder, which decodes, converts and encodes one photo a "
        "call and does nothing else.",
        "*everything* is what a worker does with a photo's bytes: read and shrink, thumbnail, all looks. *add* is the "
        "user and system time of `Collection.add` and its workers: hashes, files, facts, catalog and index are in it. "
        "It is compared with the bare encoder in one process per core, since cores that are all at work share caches "
        "and memory; of both, what starting takes is left out.",
        "Steps alone find code and weights in the processor's caches; in `everything` they displace each other, so it "
        "may be more than their sum.",
    ]
    return report


def cost_rows(files: list[Path]) -> list[list[Cell]]:
    """Processor time of each step of `add` for a photo: milliseconds, the best of three rounds, one thread.

    Files go through the steps in groups, as in a worker of `add`; the bare encoder takes one photo a call. The last two
    rows are of all cores at work, user and system time of all processes.
    """
    encoder, nsfw = lookalike.load_encoder(n_threads=1), load_nsfw()
    looker = Looker(encoder, nsfw=True)
    files = files[: len(files) // GROUP * GROUP]
    data = [path.read_bytes() for path in files]
    whole = [_bare(each) for each in data]
    photos = [read_photo(each, min_side=encoder.card.min_side) for each in data]
    sizes = [(photo.width, photo.height) for photo in photos]
    small = [photo.image for photo in photos]
    n_few = 2 * GROUP * n_cores()

    def all_of(part: slice) -> None:
        read = [read_photo(each, min_side=encoder.card.min_side) for each in data[part]]
        for photo in read:
            thumbnail(photo.image)
        looker.look([photo.image for photo in read], [(photo.width, photo.height) for photo in read])

    groups = [slice(first, first + GROUP) for first in range(0, len(files), GROUP)]
    looked_at = [(small[part], sizes[part]) for part in groups]
    steps: dict[str, Callable[[], float]] = {
        BARE: lambda: _seconds(lambda one: encoder.encode([_bare(one)]), data),
        "encoder alone, decoded before": lambda: _seconds(lambda one: encoder.encode([one]), whole),
        "everything": lambda: _seconds(all_of, groups),
        "  read and shrink": lambda: _seconds(lambda one: read_photo(one, min_side=encoder.card.min_side), data),
        "  thumbnail": lambda: _seconds(thumbnail, small),
        "  encoder with class scores": lambda: _seconds(
            lambda part: encoder.encode(part[0], outputs=("logits",)), looked_at
        ),
        "  open_nsfw": lambda: _seconds(lambda part: nsfw.score(part[0]), looked_at),
        "  colours, styles, quality, composition": lambda: _seconds(
            lambda part: measure_all(part[0], sizes=part[1]), looked_at
        ),
        ALL_BARE: lambda: _all_seconds(_bare_on_all_cores, files),
        ALL_BARE + START: lambda: _all_seconds(_bare_on_all_cores, files[:n_few]),
        ALL_ADD: lambda: _all_seconds(_add, files),
        ALL_ADD + START: lambda: _all_seconds(_add, files[:n_few]),
    }
    best = dict.fromkeys(steps, np.inf)
    with one_blas_thread():  # as in a worker
        for _ in range(3):  # in turns, so that what else runs here meets all
            for name, step in steps.items():
                best[name] = min(best[name], step())
    seconds = {name: each / len(files) for name, each in best.items() if not name.startswith("all")}
    for name in (ALL_BARE, ALL_ADD):  # what a few take is mostly what starting takes
        seconds[name] = (best[name] - best[name + START]) / (len(files) - n_few)
    bare = dict.fromkeys(seconds, seconds[BARE]) | dict.fromkeys((ALL_BARE, ALL_ADD), seconds[ALL_BARE])
    return [[name, each * 1000, each / bare[name]] for name, each in seconds.items()]


def _bare(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def _seconds(step: Callable[..., object], inputs: Sequence[object]) -> float:
    step(inputs[0])
    started = time.process_time()
    for each in inputs:
        step(each)
    return time.process_time() - started


def _all_seconds(work: Callable[[list[Path]], object], files: list[Path]) -> float:
    before = os.times()
    work(files)
    after = os.times()
    return sum(after[:4]) - sum(before[:4])


def _bare_on_all_cores(files: list[Path]) -> None:
    _in_processes("minimum", files)


def _add(files: list[Path]) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        lookalike.Collection.open(Path(folder, "bench.lookalike")) as photos,
    ):
        photos.add(*files)
