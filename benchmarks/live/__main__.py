"""Run pieces of the live index's measurements: `python -m benchmarks.live updates --quick`."""

from __future__ import annotations

import argparse

from benchmarks.live import PIECES, run


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.live", description=__doc__.partition(":")[0] if __doc__ else None
    )
    parser.add_argument("pieces", nargs="*", metavar="PIECE", help=f"any of: {', '.join(PIECES)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="10,000 vectors")
    parser.add_argument("--page", action="store_true", help="put the tables on the page in docs/benchmarks")
    arguments = parser.parse_args()
    if unknown := set(arguments.pieces) - set(PIECES):
        parser.error(f"there is no piece {', '.join(sorted(unknown))}; pieces are: {', '.join(PIECES)}")
    report = run(quick=arguments.quick, pieces=arguments.pieces or PIECES)
    report.print()
    report.write("python -m benchmarks.live " + " ".join(arguments.pieces), page=False)
    if arguments.page:
        report.refresh_page()


if __name__ == "__main__":
    main()
