"""`lookalike compact` and `lookalike stats`: the index made small, and what it has cost so far."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike.cli.facts import bytes_by_part, print_facts
from lookalike.cli.options import DEFAULT_COLLECTION, CollectionOption, JsonOption
from lookalike.cli.terminal import print_json, print_note, stdout
from lookalike.cli.wording import count, shown_path, size

if TYPE_CHECKING:
    from lookalike.index.live import LiveStats

__all__ = ["compact", "stats"]


def compact(
    *,
    collection: CollectionOption = DEFAULT_COLLECTION,
    train: Annotated[
        bool, typer.Option("--train", metavar="", help="Also train anew, on the photos as they are now.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Merge the index into one piece, and give unused space back to the disk.

    Adding photos does what is needed by itself; this is for a collection that
    will not change for a while, or of which much has gone. Searching goes on.

    With --train, the index first learns the photos anew, which takes minutes
    where there are many. `lookalike stats` tells whether it is due.
    """
    from lookalike.collection import Collection

    with Collection.open(collection, create=False, notify=print_note) as photos:
        before = bytes_by_part(photos.path)["total"]
        n_trainings = photos.stats().n_trainings
        photos.compact(train=train, notify=print_note if train else None)
        found = photos.stats()
        path = photos.path
    after, trained = bytes_by_part(path)["total"], found.n_trainings > n_trainings
    if json:
        print_json(
            {
                "collection": str(path),
                "segments": found.n_segments,
                "trained": trained,
                "bytes_before": before,
                "bytes_after": after,
            }
        )
    else:
        index = f"the index is {count(found.n_segments, 'segment')}" + (", trained anew." if trained else ".")
        if not found.n_segments:
            index = "the index is not there yet: every photo is compared" + (", nothing to train." if train else ".")
        stdout().print(f"{shown_path(path)} takes {size(after)}, before {size(before)}; {index}")


def stats(
    *,
    collection: CollectionOption = DEFAULT_COLLECTION,
    recall: Annotated[
        int,
        typer.Option(
            "--recall", min=0, metavar="N", help="Also measure what the index finds: with N photos, both ways."
        ),
    ] = 0,
    json: JsonOption = False,
) -> None:
    """Tell what the index holds, how well it fits, and what was written for it.

    With --recall, N of the photos are searched with through the index and by
    comparing every photo, and the share of the true ten nearest that the index
    finds is told.
    """
    from lookalike.collection import Collection

    with Collection.open(collection, create=False) as photos:
        found = photos.stats(recall_sample=recall)
        path = photos.path
    if json:
        print_json({"collection": str(path), **asdict(found)})
    else:
        print_facts({"Collection": shown_path(path), **_plain(found, recall)})


def _plain(found: LiveStats, n_searches: int) -> dict[str, str]:
    """Say it in plain words, without what is zero."""
    dead = f", {found.n_dead:,} of them dead until the next merge" if found.n_dead else ""
    pending = f"; {count(found.n_pending, 'segment')} coded anew already" if found.n_pending else ""
    log, *derived = (found.written_bytes[name] for name in ("log", "flush", "merge", "recode", "models"))
    names = ("flushed", "merged", "coded anew", "models")
    parts = [f"{size(n)} {name}" for n, name in zip((*derived,), names, strict=True) if n]
    seconds = found.seconds
    upkeep = [
        f"{count(number, noun, plural)} in {seconds[name]:,.1f} s"
        for number, noun, plural, name in (
            (found.n_flushes, "flush", "flushes", "flush"),
            (found.n_merges, "merge", "merges", "merge"),
            (found.n_trainings, "training", "trainings", "train"),
        )
        if number
    ]
    searches = count(min(n_searches, found.n_vectors), "search", "searches")
    drift = "" if found.drift is None else f"; photos flushed lately are coded {_drift(found.drift)}"
    return {
        "Photos": f"{found.n_vectors:,} that can be found",
        "In memory": f"{found.n_in_memory:,}, compared one by one" if found.n_in_memory else "",
        "Index": f"{count(found.n_segments, 'segment')} of {count(found.n_rows, 'code')}{dead}{pending}"
        if found.n_segments
        else "none yet: every photo is compared",
        "Model": "" if found.model is None else f"trained on {count(found.model_n_vectors, 'photo')}{drift}",
        "Recall": "" if found.recall is None else f"{found.recall:.1%} of the true ten nearest, in {searches}",
        "Watched": _watched(found),
        "Training": _TRAINING.get(found.asks_for_training or "", ""),
        "On disk": ", ".join(f"{name} {size(n)}" for name, n in found.disk_bytes.items() if n),
        "Written": f"{size(log)} with the photos" + "".join(f", {part}" for part in parts),
        "Amplification": f"{found.write_amplification:.1f} bytes written for each byte of an embedding"
        if found.given_bytes
        else "",
        "Upkeep": ", ".join(upkeep),
        "Damaged": "\n".join(found.damaged) + ("\nmend it: lookalike repair" if found.damaged else ""),
    }


_ADVICE = "adding photos trains anew, and so does `lookalike compact --train`"
_TRAINING = {
    "distortion": f"due, as photos flushed lately are coded so much less exactly; {_ADVICE}",
    "recall": f"due, as the index finds so much less than after the last one; {_ADVICE}",
}


def _watched(found: LiveStats) -> str:
    if found.recall_watched is None or found.recall_after_training is None:
        return ""
    lately = "" if found.recall_watched == found.recall_after_training else f", {found.recall_watched:.1%} lately"
    return f"{found.recall_after_training:.1%} of the true ten nearest were found after the training{lately}"


def _drift(drift: float) -> str:
    change = round(100 * (drift - 1))
    if abs(change) <= 2:
        return "as well as those"
    return f"{abs(change)} % {'less' if change > 0 else 'more'} exactly than those"
