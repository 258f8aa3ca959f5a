"""Run pieces of the engine's measurements, on some of the data: `python -m benchmarks.engine codes --data sift`."""

from __future__ import annotations

import argparse

from benchmarks.engine import PIECES, run
from benchmarks.engine.datasets import DATASETS


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.engine", description=__doc__.partition(":")[0] if __doc__ else None
    )
    parser.add_argument("pieces", nargs="*", metavar="PIECE", help=f"any of: {', '.join(PIECES)} (default: all)")
    parser.add_argument("--data", action="append", choices=list(DATASETS), help="a data set (default: all at hand)")
    parser.add_argument("--quick", action="store_true", help="fewer repeats and smaller sets")
    parser.add_argument("--reuse", action="store_true", help="read peers' figures instead of measuring them again")
    parser.add_argument("--page", action="store_true", help="put the tables on the page in docs/benchmarks")
    arguments = parser.parse_args()
    if unknown := set(arguments.pieces) - set(PIECES):
        parser.error(f"there is no piece {', '.join(sorted(unknown))}; pieces are: {', '.join(PIECES)}")
    report = run(
        quick=arguments.quick,
        reuse=arguments.reuse,
        pieces=arguments.pieces or PIECES,
        names=arguments.data or (),
    )
    report.print()
    report.write("python -m benchmarks.engine " + " ".join(arguments.pieces), page=False)
    if arguments.page:
        report.refresh_page()


if __name__ == "__main__":
    main()
