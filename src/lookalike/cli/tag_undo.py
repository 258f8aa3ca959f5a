"""What undoes a change of tags, as JSON: in what is printed, and read again from a file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.errors import InvalidArgumentError

if TYPE_CHECKING:
    from lookalike.collection import TagEdit, TagState

__all__ = ["edit_facts", "read_undo"]


def edit_facts(edit: TagEdit) -> dict[str, Any]:
    """Return what a change has changed, for JSON; `undo` is what `read_undo` and the HTTP API take."""
    states = [
        {
            "tag": each.tag,
            "photo_ids": list(each.photos),
            "raw": each.raw,
            "origin": each.origin,
            "score": each.score,
            "rejected": each.rejected,
            "added_at": each.added_at,
        }
        for each in edit.undo
    ]
    return {"changed": edit.n_photos, "undo": {"restore": states}}


def read_undo(path: Path) -> list[TagState]:
    """Read what undoes a change from what the change has printed; ``-`` is standard input.

    Raises
    ------
    InvalidArgumentError
        There is no such file, or it is not that.
    """
    from lookalike.collection import TagState

    try:
        said = json.loads(sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8"))
        states = said.get("undo", said)["restore"]
        return [
            TagState(
                _text(state["tag"]),
                tuple(_id(photo_id) for photo_id in state["photo_ids"]),
                raw=None if state["raw"] is None else _text(state["raw"]),
                origin=state["origin"],
                score=float(state["score"]),
                rejected=state["rejected"] is True,
                added_at=state.get("added_at"),
            )
            for state in states
        ]
    except OSError as error:
        raise InvalidArgumentError(f"`{path}` cannot be read: {error.strerror or error}.") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InvalidArgumentError(
            f"`{path}` does not hold what undoes a change of tags. Keep what the change prints with --json: "
            "lookalike tag 12 pier --json > change.json"
        ) from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _id(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**63:
        raise TypeError
    return value
