"""Torture of the live index: `python -m tools.torture crash --kills 1000 --jobs 2`, or `readers --seconds 120`."""

from __future__ import annotations

import os

for _name in ("LOOKALIKE_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before NumPy is loaded: processes are forked, and threads do not survive that

import argparse  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

from . import crash, readers  # noqa: E402


def main() -> None:
    """Parse the command line and begin."""
    parser = argparse.ArgumentParser(prog="python -m tools.torture", description=__doc__)
    parts = parser.add_subparsers(dest="part", required=True)
    one = parts.add_parser("crash", help="kill writers and see what is left")
    one.add_argument("--kills", type=int, default=1000)
    one.add_argument("--seed", type=int, default=0)
    one.add_argument(
        "--jobs", type=int, default=1, help="processes that share the kills, each with an index of its own"
    )
    one.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    other = parts.add_parser("readers", help="search beside a writer and replay its log")
    other.add_argument("--seconds", type=float, default=120)
    other.add_argument("--readers", type=int, default=8)
    other.add_argument("--seed", type=int, default=0)
    other.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    arguments = parser.parse_args()
    started = time.monotonic()
    if arguments.part == "readers":
        watched = readers.watch_readers(
            arguments.seconds, n_readers=arguments.readers, seed=arguments.seed, folder=arguments.folder
        )
        print(f"{watched}: all was as it must be", flush=True)
        return
    if arguments.jobs > 1:
        sys.exit(_share(arguments))
    try:
        tally = crash.torture(arguments.kills, seed=arguments.seed, folder=arguments.folder)
    except crash.WrongError as error:
        sys.exit(f"WRONG: {error}")
    print(f"{tally}; {time.monotonic() - started:.0f} s: all was as it must be", flush=True)


def _share(arguments: argparse.Namespace) -> int:
    """Give each job a share of the kills and a seed of its own; stop at nothing, fail if any fails."""
    jobs = []
    for job in range(arguments.jobs):
        n_kills = arguments.kills // arguments.jobs + (job < arguments.kills % arguments.jobs)
        command = [sys.executable, "-m", "tools.torture", "crash", "--kills", str(n_kills)]
        command += ["--seed", str(1000 * arguments.seed + job)]
        if arguments.folder is not None:
            command += ["--folder", str(arguments.folder / str(job))]
        jobs.append(subprocess.Popen(command))
    return max(job.wait() for job in jobs)


if __name__ == "__main__":
    main()
