"""Writers that are killed, and what must be there afterwards.

One process writes, in a fork of this one, and logs each operation before it begins and after it has returned. Then it
is killed (SIGKILL): after a random time, or at a chosen stop within a flush, a merge, training, re-coding, the exchange
of models or a change of vectors, or some milliseconds behind it. What the next process finds must be sound
(`LiveIndex.verify`), and hold exactly what was acknowledged; the operation under way is there as a whole or not at all.

A kill ends a process, not the machine: what the system has not yet written to the disk survives it. That writes are
forced to the disk in the right order (fsync, `synchronous=FULL`) is not shown by this.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike import LiveIndex

from .moments import Moment, watch
from .operations import DIM, Beside, Operation, State, apply, next_operation, perform, read_pool

__all__ = ["Tally", "torture"]

_TARGETS = ("flush", "merge", "train", "recode", "exchange", "look", "add", "remove", "close", "open", "backup")
_KILLS_OF_A_FOLDER = 60
"""After so many kills an index is begun anew, so that first models and empty indexes are met again."""
_LONGEST_LIFE = 1.5
_BEGUN, _DONE, _WRONG = b"b", b"d", b"w"


class WrongError(Exception):
    """The index is not as it must be."""


@dataclass(slots=True)
class Tally:
    """What was seen.

    Parameters
    ----------
    kills : Counter of str
        By the phase in which the process was stopped; "any" after a random time.
    operations : int
        Acknowledged.
    whole, absent : int
        Operations on vectors that were under way at the kill, by what became of them.
    """

    kills: Counter[str] = field(default_factory=Counter)
    operations: int = 0
    whole: int = 0
    absent: int = 0

    def __str__(self) -> str:
        by_phase = ", ".join(f"{phase} {n}" for phase, n in sorted(self.kills.items()))
        return (
            f"{self.kills.total()} kills ({by_phase}) in {self.operations} operations; "
            f"under way at a kill: {self.whole} whole, {self.absent} absent"
        )


@dataclass(frozen=True, slots=True)
class Life:
    """How a writer works and is to die.

    Parameters
    ----------
    target : str or None
        Phase; None for any moment.
    stop : int
        Which stop of the phase.
    stands : bool
    tarries_seconds : float
        See `Moment`.
    delay_seconds : float
        From that stop, or from the beginning, to the kill.
    compaction : str
    background : bool
    """

    target: str | None
    stop: int
    stands: bool
    tarries_seconds: float
    delay_seconds: float
    compaction: str
    background: bool

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Life:
        """Draw one."""
        target = str(rng.choice(_TARGETS)) if rng.random() < 0.7 else None
        stands = bool(rng.random() < 0.5)
        delay = rng.uniform(0, 0.6) if target is None else 0.0 if stands else rng.exponential(0.002)
        return cls(
            target,
            int(rng.geometric(0.1)),
            stands,
            float(rng.choice([0.0, 0.003, 0.05], p=[0.5, 0.3, 0.2])),
            float(delay),
            str(rng.choice(["none", "basic", "eager"])),
            bool(rng.random() < 0.7),
        )


def torture(n_kills: int, *, seed: int, folder: Path | None = None, report: bool = True) -> Tally:
    """Kill writers.

    Parameters
    ----------
    n_kills : int
    seed : int
    folder : Path, optional
        Where to work; what is in it is deleted. By default a temporary one, kept if something is wrong.
    report : bool
        Print a line now and then.

    Raises
    ------
    WrongError
        Telling where the index lies.
    """
    rng = np.random.default_rng(seed)
    pool, tally = read_pool(), Tally()
    work = Path(tempfile.mkdtemp(prefix="torture-")) if folder is None else folder
    _warm_up(pool, work / "warm-up")
    path, state, number, metric = work / "index", State(), 0, "l2"
    for kill in range(n_kills):
        if kill % _KILLS_OF_A_FOLDER == 0:
            shutil.rmtree(path, ignore_errors=True)
            state, metric = State(), str(rng.choice(["l2", "cosine"]))
        life = Life.drawn(rng)
        try:
            number, under_way, phase = _live_and_die(
                path, life, metric, pool, state, seed=seed, number=number, tally=tally
            )
            tally.kills[phase] += 1
            state = _examined(path, pool, state, under_way, tally)
        except WrongError as error:
            raise WrongError(f"seed {seed}, kill {kill}, {life}: {error}\nThe index is kept in {path}") from error
        if report and (kill + 1) % 50 == 0:
            print(tally, flush=True)
    if folder is None:
        shutil.rmtree(work, ignore_errors=True)
    return tally


def _warm_up(pool: NDArray[np.float32], path: Path) -> None:
    """Compile and load everything once, so that forks have it."""
    shutil.rmtree(path, ignore_errors=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    for metric in ("l2", "cosine"):
        with _open(path, Life(None, 1, False, 0, 0, "eager", False), metric) as index:
            index.add(pool[:600])
            index.train()
            index.compact()
            index.search(pool[:5], 3)
            index.search(pool[:5], 3, exact=True)
        LiveIndex.verify(path)
        shutil.rmtree(path)


def _open(path: Path, life: Life, metric: str) -> LiveIndex:
    return LiveIndex.open(
        path,
        dim=DIM,
        metric=metric,
        centred=metric == "cosine",
        bytes_per_vector=4,
        compaction=life.compaction,
        flush_at=128,
        train_from=256,
        background=life.background,
    )


# ---------------------------------------------------------------------- the writer


def _live_and_die(
    path: Path,
    life: Life,
    metric: str,
    pool: NDArray[np.float32],
    state: State,
    *,
    seed: int,
    number: int,
    tally: Tally,
) -> tuple[int, Operation | None, str]:
    """Let a writer live, kill it, and bring ``state`` to what it has acknowledged.

    Returns
    -------
    number : int
        Of the next operation.
    under_way : Operation or None
        Begun and not acknowledged.
    phase : str
        Where it was stopped.
    """
    log_out, log_in = os.pipe()
    told_out, told_in = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        os.close(log_out)
        os.close(told_out)
        _write(path, life, metric, pool, state.copy(), seed=seed, number=number, log=log_in, told=told_in)
    os.close(log_in)
    os.close(told_in)
    phase = "any"
    log = bytearray()
    start = time.monotonic()
    end = start + (life.delay_seconds if life.target is None else _LONGEST_LIFE)
    waiting = [log_out, told_out]
    while waiting and (left := end - time.monotonic()) > 0:
        for ready in select.select(waiting, [], [], left)[0]:
            read = os.read(ready, 1 << 16)
            if not read:
                waiting.remove(ready)
            elif ready == log_out:
                log += read
            else:
                phase = str(life.target)
                end = time.monotonic() + life.delay_seconds
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    while read := os.read(log_out, 1 << 16):
        log += read
    os.close(log_out)
    os.close(told_out)
    under_way: Operation | None = None
    for place in range(len(log)):
        mark = log[place : place + 1]
        if mark == _WRONG:
            raise WrongError(log[place + 1 :].decode())
        if mark == _BEGUN:
            under_way = next_operation(seed, number, state, life.target)
            number += 1
        else:
            assert under_way is not None
            apply(under_way, state)
            under_way = None
            tally.operations += 1
    return number, under_way, phase


def _write(
    path: Path,
    life: Life,
    metric: str,
    pool: NDArray[np.float32],
    state: State,
    *,
    seed: int,
    number: int,
    log: int,
    told: int,
) -> None:
    """Work until killed; never returns."""
    try:
        tarries = life.tarries_seconds
        watch(Moment(life.target, life.stop, stands=life.stands, tarries_seconds=tarries, told=told))
        rng = np.random.default_rng([seed, number, 1])
        index, beside = _open(path, life, metric), Beside()
        while True:
            operation = next_operation(seed, number, state, life.target)
            os.write(log, _BEGUN)
            if operation.kind == "reopen":
                beside.join()
                index.close()
                index = _open(path, life, metric)
            perform(operation, index, pool, state, beside, path.with_name("copy"))
            os.write(log, _DONE)
            number += 1
            apply(operation, state)
            if state.row_of_id and rng.random() < 0.3:
                some = rng.choice(sorted(state.row_of_id), min(5, len(state.row_of_id)), replace=False).tolist()
                _check_found(index, pool, {each: state.row_of_id[each] for each in some})
    except BaseException:
        os.write(log, _WRONG + f"the writer failed:\n{traceback.format_exc()}".encode())
    finally:
        os._exit(1)


# ---------------------------------------------------------------------- what is left


def _examined(path: Path, pool: NDArray[np.float32], state: State, under_way: Operation | None, tally: Tally) -> State:
    """See that the index holds a state, or the one after the operation under way, and give which."""
    if not (path / "log.sqlite").exists():
        if state.row_of_id:
            raise WrongError("there is no index any more.")
        return state
    try:
        reader = LiveIndex.open(path, writable=False)
    except Exception as error:
        if state.row_of_id or "no live index" not in str(error):
            raise WrongError(f"it cannot be opened: {error!r}") from error
        return state  # killed before the tables were made
    try:
        report = LiveIndex.verify(path)
        if not report.is_clean:
            raise WrongError(f"verify says: {report}")
        after = state.copy()
        if under_way is not None:
            apply(under_way, after)
        wrong = _difference(reader, pool, state)
        changes = under_way is not None and after.row_of_id != state.row_of_id
        if changes:
            wrong_after = _difference(reader, pool, after)
            if wrong is not None and wrong_after is not None:
                raise WrongError(
                    f"an operation ({under_way}) was under way, and the index holds neither the state before it "
                    f"({wrong}) nor the one after it ({wrong_after})."
                )
            tally.absent += wrong is None
            tally.whole += wrong is not None
        elif wrong is not None:
            raise WrongError(f"after {under_way}: {wrong}")
        state = after if wrong is not None else state
        _check_found(reader, pool, state.row_of_id)
        return state
    except WrongError:
        raise
    except Exception as error:
        raise WrongError(f"examining it failed: {traceback.format_exc()}") from error
    finally:
        reader.close()


def _difference(index: LiveIndex, pool: NDArray[np.float32], state: State) -> str | None:
    """Tell what in an index is not as in a state; None when all is."""
    want, have = np.array(sorted(state.row_of_id), np.int64), index.ids
    if len(have) != len(index) or not np.array_equal(want, have):
        lost, risen = np.setdiff1d(want, have), np.setdiff1d(have, want)
        return f"{len(index)} vectors, ids missing: {lost[:9]} ({len(lost)}), ids too many: {risen[:9]} ({len(risen)})"
    if not len(want):
        return None
    rows = [state.row_of_id[each] for each in want.tolist()]
    hits = index.search(pool[rows], 3, exact=True)
    found = (hits.ids == want[:, None]) & (hits.distances < 2e-3)
    missing = want[~found.any(axis=1)]
    return None if not len(missing) else f"ids {missing[:9]} ({len(missing)}) hold another vector"


def _check_found(index: LiveIndex, pool: NDArray[np.float32], row_of_id: dict[int, int]) -> None:
    """Every vector is found by itself, in an ordinary search and an exact one."""
    if not row_of_id:
        return
    ids, rows = np.array(list(row_of_id), np.int64), list(row_of_id.values())
    for exact in (False, True):
        hits = index.search(pool[rows], 3, exact=exact)
        missing = ids[~((hits.ids == ids[:, None]) & (hits.distances < 2e-3)).any(axis=1)]
        if len(missing):
            way = "an exact search" if exact else "a search"
            raise WrongError(f"ids {missing[:9]} ({len(missing)} of {len(ids)}) are not found by {way} for themselves.")
