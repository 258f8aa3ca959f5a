"""Photos per second and memory of `Collection.add`, against the bare encoder on the same cores.

Three rates, interleaved, medians of the repeats:

- *network*: the encoder alone on photos that are decoded already and lie in memory, one photo per call; the limit of
  any program that uses this network so.
- *minimum*: the bare encoder's own rate, decode and all. A plain loop over the files, one photo per call of the
  product's encoder: read the file, `Image.open`, `convert("RGB")`, `encode`. No shrinking while decoding, no hash, no
  facts, no thumbnail, nothing stored. Importing the encoder brings Pillow's and the C library's memory settings of
  photos/reading.py with it, which help this loop as much as the product.
- *add*: the product, everything on: hashes, facts, thumbnails, all that is seen, NSFW, catalog and index. Its rate is
  that of the run after the first photos have been stored (`rate` of its progress), so starting the workers does not
  count, as it does not in the other two.

The first two run in one process per core with one thread each, in sessions of their own, as the workers of `add` do: on
a busy machine Linux shares the cores among sessions, and nobody may have more of them than the others.

Memory is the sum of the resident sets of `add`'s process and its workers, at its highest.
"""

from __future__ import annotations

import contextlib
import functools
import io
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

import lookalike
from benchmarks.report import ROOT, Report
from lookalike.collection import AddProgress
from lookalike.collection.ingest import n_cores

WORK = ROOT / "build" / "bench"
DEMO = ROOT / "build" / "demo" / "photos"
PICTWO = ROOT / "build" / "pictwo"


def run(*, quick: bool) -> Report:
    """Measure the demo's WebP, @pictwo's WebP, and JPEGs made of the latter as a camera would store them."""
    report = Report("Ingest: photos per second and memory", "ingest")
    repeats = 1 if quick else 3
    originals = sorted(PICTWO.glob("*/original/*.webp"))
    sets = {
        "demo: WebP, 1.1 MP": sorted(DEMO.rglob("*.webp")),
        "@pictwo: WebP, 0.4 MP": originals[:: 4 if quick else 1],
        "JPEG, 0.4 MP": _jpegs(originals[:: 4 if quick else 1], 1),
        "JPEG, 1.6 MP": _jpegs(originals[:: 8 if quick else 2], 2),
        "JPEG, 6.6 MP": _jpegs(originals[:: 16 if quick else 4], 4),
    }
    rows: list[list[str | int | float]] = []
    for name, files in sets.items():
        rates: dict[str, list[float]] = {"network": [], "minimum": [], "add": []}
        for _ in range(repeats):
            rates["network"].append(_in_processes("network", files))
            rates["minimum"].append(_in_processes("minimum", files))
            rates["add"].append(_add(files)[0])
        network, minimum, add = (float(np.median(rates[key])) for key in ("network", "minimum", "add"))
        spread = (max(rates["add"]) - min(rates["add"])) / add
        rows.append([name, len(files), network, minimum, add, add / network, add / minimum, f"{spread:.0%}"])
    report.table(
        f"Photos per second on {n_cores()} cores, EfficientNet-Lite2 int8",
        ["photos", "files", "network", "minimum", "add", "add / network", "add / minimum", "spread"],
        rows,
    )
    n_many = 1000 if quick else 10_000
    rate, peak_bytes = _add(_many(originals, n_many))
    report.table(
        f"Memory of adding {n_many:,} photos (JPEG, 0.4 MP)",
        ["what", "value"],
        [["highest resident memory, MiB", peak_bytes / 2**20], ["photos per second", rate]],
    )
    report.notes.append(
        "Goal: add / minimum >= .625, which is 1 / 1.6, with everything on. *minimum* is the bare encoder's own rate, "
        "decode and all: one process per core, in it a plain loop that reads each file, decodes it with Pillow, "
        "converts it to RGB and encodes it, one photo a call, and does nothing else. *network* encodes pictures that "
        "are decoded and shrunk already."
    )
    return report


def _jpegs(files: list[Path], scale: int) -> list[Path]:
    folder = WORK / f"jpeg-{scale}"
    made = []
    for path in files:
        target = folder / path.parent.parent.name / f"{path.stem}.jpg"
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            with Image.open(path) as image:
                size = (image.width * scale, image.height * scale)
                image.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(target, quality=88)
        made.append(target)
    return made


def _many(files: list[Path], n: int) -> list[Path]:
    """Make `n` different photos: crops of real ones, a pixel further each round."""
    folder = WORK / f"many-{n}"
    made = []
    for number in range(n):
        path, shift = files[number % len(files)], number // len(files)
        target = folder / f"{number % 100:02}" / f"{number:05}.jpg"
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            with Image.open(path) as image:
                image.convert("RGB").crop((shift, shift, image.width, image.height)).save(target, quality=85)
        made.append(target)
    return made


def _add(files: list[Path]) -> tuple[float, float]:
    """Add `files` to a new collection; return the rate and the highest resident memory in bytes."""
    collection = WORK / "ingest.lookalike"
    shutil.rmtree(collection, ignore_errors=True)
    rate = 0.0

    def keep_rate(progress: AddProgress) -> None:
        nonlocal rate
        rate = progress.rate or rate

    with _peak_memory() as peak, lookalike.Collection.open(collection) as photos:
        photos.add(*files, progress=keep_rate)
    return rate, peak.highest


class _peak_memory:  # noqa: N801  reads as a function where it is used
    """Watches the resident memory of this process and its children."""

    def __enter__(self) -> _peak_memory:
        self.highest = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._done.wait(0.2):
            self.highest = max(self.highest, sum(_resident(pid) for pid in _family()))

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def _family() -> Iterator[str]:
    yield "self"
    for children in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # the thread has ended
            yield from children.read_text().split()


def _resident(pid: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return float(next((line.split()[1] for line in lines if line.startswith("VmRSS")), "0")) * 1024


def _in_processes(what: str, files: list[Path]) -> float:
    """Run the loop called `what` over a share of `files` in one process per core; return photos per second."""
    shares = [files[core :: n_cores()] for core in range(n_cores())]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.ingest", what],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        for _ in shares
    ]
    for process, share in zip(processes, shares, strict=True):
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\n".join(map(str, share)) + "\n\n")
        process.stdin.flush()
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return sum(float(process.communicate()[0]) for process in processes)


def _loop(what: str) -> None:
    """Be one of the processes: photos per second on standard output."""
    encoder = lookalike.load_encoder(n_threads=1)
    files = [Path(line.rstrip("\n")) for line in iter(sys.stdin.readline, "\n")]
    step: Callable[[Path], object]
    if what == "network":
        # As small as the product's decoder makes them: shrinking is not the network's work.
        decode = functools.cache(functools.partial(_decode, min_side=encoder.card.min_side))
        files = files[:200]
        for path in files:
            decode(path)
        step = lambda path: encoder.encode([decode(path)])  # noqa: E731
    else:
        step = lambda path: encoder.encode([Image.open(io.BytesIO(path.read_bytes())).convert("RGB")])  # noqa: E731
    for path in files[:3]:
        step(path)
    print("ready", flush=True)
    sys.stdin.readline()
    started = time.perf_counter()
    for path in files:
        step(path)
    print(len(files) / (time.perf_counter() - started))


def _decode(path: Path, min_side: int) -> Image.Image:
    from lookalike.photos import read_photo

    return read_photo(path.read_bytes(), min_side=min_side).image


if __name__ == "__main__":
    _loop(sys.argv[1])
