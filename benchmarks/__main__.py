"""Run measurements: `python -m benchmarks [PART ...]`; every part when none is named.

Each part prints a table and writes it, with the machine it ran on and the command, to docs/benchmarks/PART.md, and the
figures to build/bench/PART.json.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable

from benchmarks.report import Report

PARTS = {
    "quality": "precision of the product's search against exact search and against chance",
    "teaching": "filters taught by examples against nearest means, and explanations against hiding what they name",
    "appearance": "styles against chance, colours against the mean colour, composition, quality, time per photo",
    "understanding": "words, colours, styles, composition and mixed queries against baselines; calibration, time",
    "engine": "recall, bytes and speed of the vector engine against FAISS, ScaNN and usearch",
    "filters": "recall and time of filtered search, wide and narrow, against unfiltered",
    "live": "the live index: adding, searching while it merges, opening, compaction under updates",
    "cost": "processor time of each step of `add` with everything on, against the bare encoder",
    "ingest": "photos per second and memory of `add` against the bare encoder",
}

REUSING = {"engine", "understanding"}


def main() -> None:
    """Parse the command line and run the parts."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__.partition("\n")[0] if __doc__ else None,
        epilog="parts: " + "; ".join(f"{name}: {what}" for name, what in PARTS.items()),
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of: {', '.join(PARTS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="fewer repeats and smaller sets; writes no page")
    parser.add_argument(
        "--reuse", action="store_true", help="engine, understanding: read what earlier runs measured or made"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; parts are: {', '.join(PARTS)}")
    for name in arguments.parts or PARTS:
        print(f"== {name}: {PARTS[name]}", flush=True)
        reuse = arguments.reuse and name in REUSING
        run: Callable[..., Report] = importlib.import_module(f"benchmarks.{name}").run
        report = run(quick=arguments.quick, reuse=True) if reuse else run(quick=arguments.quick)
        report.print()
        report.write(f"python -m benchmarks {name}{' --reuse' * reuse}", page=not arguments.quick)


if __name__ == "__main__":
    main()
