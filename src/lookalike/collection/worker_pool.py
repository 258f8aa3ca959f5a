"""All cores at work: worker processes, each driven by a thread that fetches its next files by itself.

So no worker waits while the one who asked stores what another has read.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from typing import Any, Self

from lookalike.catalog import FileRecord
from lookalike.collection.worker_process import WorkerProcess

__all__ = ["CHUNK", "Answers", "WorkerPool"]

CHUNK = 8
"""Files per request to a worker, and photos per transaction: the most of each worker's that a kill can cost."""

Answers = list[tuple[FileRecord, dict[str, Any]]]


class WorkerPool:
    """Worker processes to read photos with; a context manager that ends them.

    Parameters
    ----------
    n_workers : int
        How many, each taking one core.
    settings : dict
        What every worker is told first.
    max_seconds : float
        For a photo.
    """

    def __init__(self, n_workers: int, settings: dict[str, Any], *, max_seconds: float) -> None:
        self._workers = [WorkerProcess(settings, max_seconds=max_seconds) for _ in range(n_workers)]
        self._threads: list[threading.Thread] = []
        self._stopped = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for worker in self._workers:
            worker.stop()
        for thread in self._threads:
            thread.join()
        for worker in self._workers:
            worker.close()

    def _chunks(self, files: Sequence[FileRecord]) -> Iterator[Sequence[FileRecord]]:
        """Cut `files` into chunks, smaller ones towards the end, so that all workers end at about the same time."""
        start = 0
        while start < len(files):
            size = max(1, min(CHUNK, (len(files) - start) // (2 * len(self._workers))))
            yield files[start : start + size]
            start += size

    def read(self, files: Sequence[FileRecord]) -> Iterator[Answers]:
        """Yield what the workers answer, a chunk of files at a time, as it comes.

        Nothing in a chunk means that a quarter of a second has passed without an answer.

        Raises
        ------
        CollectionError
            A worker cannot even start.
        """
        chunks = self._chunks(files)
        taking = threading.Lock()
        answered: queue.SimpleQueue[Answers | BaseException | None] = queue.SimpleQueue()

        def drive(worker: WorkerProcess) -> None:
            try:
                while not self._stopped.is_set():
                    with taking:
                        chunk = next(chunks, None)
                    if chunk is None:
                        break
                    answered.put(list(zip(chunk, worker.read([file.path for file in chunk]), strict=False)))
            except BaseException as error:
                answered.put(error)
            finally:
                answered.put(None)

        for worker in self._workers:
            thread = threading.Thread(target=drive, args=(worker,), name="lookalike-ingest")
            thread.start()
            self._threads.append(thread)  # only what has started can be waited for
        n_driving = len(self._threads)
        while n_driving:
            try:
                answer = answered.get(timeout=0.25)
            except queue.Empty:
                yield []
                continue
            if answer is None:
                n_driving -= 1
            elif isinstance(answer, BaseException):
                raise answer
            else:
                yield answer
