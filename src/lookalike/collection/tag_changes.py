"""Changes of tags, many at once, that can be undone.

Whatever is done to tags comes down to writing, for a photo and a tag, one of few states: the photo has it (as written,
by whom, how sure), has it not, and in either case it was rejected for the photo or not. How it was before is
remembered, so the inverse of any change is a list of states, which are written the same way. All of a change is one
transaction, the full text included.
"""

from __future__ import annotations

import math
import operator
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias, get_args

from lookalike.catalog import Catalog, MachineTagRow, Origin, TagRow
from lookalike.collection.file_tags import parts_of, spelled
from lookalike.collection.locking import changing
from lookalike.errors import InvalidArgumentError, UnknownPhotoError, UnknownTagError
from lookalike.query import MachineTag, normalised

__all__ = ["TagChange", "TagDifference", "TagEdit", "TagState", "TagWriter"]

_MAX_TAG = 500
_MAX_STORED = 100_000
"""Files may say more than people: what is put back may be as long as this."""
_UNWRITABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class TagChange:
    """What shall become of the tags of some photos.

    Attributes
    ----------
    photos : sequence of int
        Their ids; `Collection.find` tells that of a file.
    add, accept : sequence of str
        Given to each as by a person; an accepted tag is one that was suggested. It is no longer rejected.
    remove : sequence of str
        Taken off, whoever gave it.
    reject : sequence of str
        Never suggested for these photos again; only of plain tags that they have not, or that `remove` takes off.
    """

    photos: Sequence[int]
    add: Sequence[str] = ()
    remove: Sequence[str] = ()
    accept: Sequence[str] = ()
    reject: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class TagState:
    """How a tag stands, or shall stand, with some photos.

    Attributes
    ----------
    tag : str
        In normal form.
    photos : tuple of int
    raw : str or None
        As it is written on them; None where they have it not.
    origin : "user", "file" or "auto"
    score : float
    rejected : bool
        Whether it was rejected for them.
    added_at : str or None
        When a machine tag was written first (UTC, ISO 8601); None: when it is written now.
    """

    tag: str
    photos: tuple[int, ...]
    raw: str | None = None
    origin: Origin = "user"
    score: float = 1.0
    rejected: bool = False
    added_at: str | None = None


@dataclass(frozen=True, slots=True)
class TagDifference:
    """What became of a tag.

    Attributes
    ----------
    tag : str
        In normal form.
    raw : str
        As it is written, or was.
    what : "added", "removed", "rewritten", "rejected" or "unrejected"
        Rewritten is what has another spelling, origin or score.
    photos : tuple of int
        Ids of the photos of which that is true.
    """

    tag: str
    raw: str
    what: Literal["added", "removed", "rewritten", "rejected", "unrejected"]
    photos: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TagEdit:
    """A change that was made.

    Attributes
    ----------
    differences : tuple of TagDifference
        What is other than before; empty where all was so already.
    undo : tuple of TagState
        How that was before: `Collection.restore_tags` writes it again.
    """

    differences: tuple[TagDifference, ...]
    undo: tuple[TagState, ...]

    @property
    def n_photos(self) -> int:
        """Photos of which something is other than before."""
        return len({photo_id for each in self.differences for photo_id in each.photos})

    @property
    def n_tagged(self) -> int:
        """Photos of which the tags are other than before, and not only what was rejected."""
        tagged = (each.photos for each in self.differences if each.what not in ("rejected", "unrejected"))
        return len({photo_id for photos in tagged for photo_id in photos})


class _PlainTag(NamedTuple):
    form: str


class _MachineTag(NamedTuple):
    namespace: str
    predicate: str
    value: str

    @property
    def form(self) -> str:
        return str(MachineTag(*self))


_Tag: TypeAlias = _PlainTag | _MachineTag


class _Written(NamedTuple):
    """How a photo has a tag; `raw` of a machine tag is its value, `added_at` of a plain one None."""

    raw: str
    origin: Origin
    score: float
    added_at: str | None = None


class _State(NamedTuple):
    written: _Written | None
    rejected: bool


class TagWriter:
    """Changes tags of photos; each call is one transaction.

    Parameters
    ----------
    directory : Path
        Of the collection.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def change(self, changes: Sequence[TagChange]) -> TagEdit:
        """Make changes, one after the other; all of them or, if one cannot be, none."""
        _check_kind(changes, TagChange)
        read = [(_ids(change.photos), _Tags.read(change)) for change in changes]

        def make(ledger: _Ledger) -> None:
            ledger.check_photos(photo_id for photos, _ in read for photo_id in photos)
            for photos, tags in read:
                for photo_id in photos:
                    tags.write(ledger, photo_id)

        return self._edit(make)

    def restore(self, states: Sequence[TagState]) -> TagEdit:
        """Write states as `TagEdit.undo` holds them."""
        _check_kind(states, TagState)
        read = [(_ids(state.photos), *_state_of(state)) for state in states]

        def make(ledger: _Ledger) -> None:
            ledger.check_photos(photo_id for photos, _, _ in read for photo_id in photos)
            for photos, tag, state in read:
                for photo_id in photos:
                    ledger.write(photo_id, tag, state)

        return self._edit(make)

    def rename(self, tag: str, new: str) -> TagEdit:
        """Give all photos that have a tag another instead, and reject that one where the first was rejected."""
        (old, _), (after, raw) = _read(tag), _read(new)
        if type(old) is not type(after):
            raise InvalidArgumentError(f"`{tag}` and `{new}` must both be machine tags, or both not.")

        def make(ledger: _Ledger) -> None:
            having, rejecting = ledger.photos_of(old)
            if not having:
                command = "tags" if isinstance(old, _PlainTag) else "machine-tags"
                raise UnknownTagError(
                    f"No photo has the tag {tag!r}. `lookalike {command}` lists those that there are."
                )
            for photo_id in having:
                ledger.write(photo_id, old, _State(None, rejected=False))
                ledger.write(photo_id, after, _State(_Written(raw, "user", 1.0), rejected=False))
            for photo_id in set(rejecting) - set(having):
                before = ledger.state(photo_id, after)
                ledger.write(photo_id, old, _State(None, rejected=False))
                ledger.write(photo_id, after, _State(before.written, rejected=before.written is None))

        return self._edit(make)

    def _edit(self, make: Callable[[_Ledger], None]) -> TagEdit:
        with changing(self._directory) as catalog:
            ledger = _Ledger(catalog)
            make(ledger)
            return ledger.finish()


class _Ledger:
    """Writes states of tags inside of a transaction, and remembers how they were before."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._tags, self._machine_tags = catalog.tags, catalog.machine_tags
        self._before: dict[tuple[_Tag, int], _State] = {}
        self._after: dict[tuple[_Tag, int], _State] = {}

    def check_photos(self, photo_ids: Iterable[int]) -> None:
        if unknown := self._catalog.unknown_among(dict.fromkeys(photo_ids)):
            message = f"There is no photo with the id {unknown[0]} in this collection; nothing was changed."
            raise UnknownPhotoError(message)

    def photos_of(self, tag: _Tag) -> tuple[list[int], list[int]]:
        """Ids of the photos that have a tag, and of those for which it was rejected."""
        if isinstance(tag, _PlainTag):
            return self._tags.having(tag.form), self._tags.rejecting(tag.form)
        return self._machine_tags.having(*tag), []

    def state(self, photo_id: int, tag: _Tag) -> _State:
        known = self._after.get((tag, photo_id))
        if known is not None:
            return known
        if isinstance(tag, _PlainTag):
            row = self._tags.row(photo_id, tag.form)
            written = None if row is None else _Written(row.raw, row.origin, row.score)
            return _State(written, self._tags.is_rejected(photo_id, tag.form))
        there = self._machine_tags.row(photo_id, *tag)
        return _State(None if there is None else _Written(*there[4:]), rejected=False)

    def write(self, photo_id: int, tag: _Tag, state: _State) -> None:
        before = self.state(photo_id, tag)
        self._before.setdefault((tag, photo_id), before)
        if state.written is not None and state.written.added_at is None and before.written is not None:
            state = state._replace(written=state.written._replace(added_at=before.written.added_at))
        self._after[tag, photo_id] = state
        if state.written != before.written:
            self._write(photo_id, tag, state.written)
        if state.rejected != before.rejected:
            assert isinstance(tag, _PlainTag)
            (self._tags.reject if state.rejected else self._tags.unreject)(photo_id, [tag.form])

    def _write(self, photo_id: int, tag: _Tag, written: _Written | None) -> None:
        if isinstance(tag, _PlainTag):
            if written is None:
                self._tags.remove(photo_id, tag=tag.form)
            else:
                self._tags.write(TagRow(photo_id, tag.form, written.raw, written.origin, written.score))
        elif written is None:
            self._machine_tags.remove(photo_id, **tag._asdict())
        else:
            raw, origin, score, added_at = written
            self._machine_tags.write(MachineTagRow(photo_id, *tag, raw, origin, score, added_at))

    def finish(self) -> TagEdit:
        """Bring the full text in line, and tell what is other than before."""
        changed = {key: before for key, before in self._before.items() if before != self._after[key]}
        texts = {
            photo_id
            for (tag, photo_id), before in changed.items()
            if isinstance(tag, _PlainTag) and before.written != self._after[tag, photo_id].written
        }
        self._catalog.rewrite_keywords(sorted(texts))
        undo: dict[tuple[_Tag, _State], list[int]] = {}
        differences: dict[tuple[_Tag, _State, _State], list[int]] = {}
        for (tag, photo_id), before in changed.items():
            undo.setdefault((tag, before), []).append(photo_id)
            key = (tag, _untimed(before), _untimed(self._after[tag, photo_id]))
            differences.setdefault(key, []).append(photo_id)
        return TagEdit(
            tuple(_difference(*key, photos) for key, photos in differences.items()),
            tuple(
                TagState(
                    tag.form,
                    tuple(photos),
                    *_told(tag, state.written),
                    rejected=state.rejected,
                    added_at=None if state.written is None else state.written.added_at,
                )
                for (tag, state), photos in undo.items()
            ),
        )


@dataclass(frozen=True, slots=True)
class _Tags:
    """The tags of a change, read: those to give, each with what is written; those to take off; those to reject."""

    given: dict[_Tag, _Written]
    removed: tuple[_Tag, ...]
    rejected: tuple[_Tag, ...]

    @classmethod
    def read(cls, change: TagChange) -> _Tags:
        for name in ("add", "remove", "accept", "reject"):
            texts = getattr(change, name)
            if isinstance(texts, str | bytes) or not isinstance(texts, Iterable):
                raise InvalidArgumentError(f"`{name}` is {texts!r:.80}; expected a list of tags, such as ['pier'].")
        given = {tag: _Written(raw, "user", 1.0) for tag, raw in map(_read, (*change.add, *change.accept))}
        removed = tuple(_read(text)[0] for text in change.remove)
        rejected = tuple(_read(text)[0] for text in change.reject)
        for tag in (*removed, *rejected):
            if tag in given:
                raise InvalidArgumentError(f"The tag {tag.form!r} is given and taken off or rejected. Choose one.")
        if not all(isinstance(tag, _PlainTag) for tag in rejected):
            raise InvalidArgumentError("Machine tags are never suggested, so none can be rejected.")
        return cls(given, removed, rejected)

    def write(self, ledger: _Ledger, photo_id: int) -> None:
        for tag in self.removed:
            ledger.write(photo_id, tag, _State(None, ledger.state(photo_id, tag).rejected))
        for tag, written in self.given.items():
            ledger.write(photo_id, tag, _State(written, rejected=False))
        for tag in self.rejected:
            carried = ledger.state(photo_id, tag).written
            if carried is not None and carried.origin != "auto":
                raise InvalidArgumentError(f"Photo {photo_id} has the tag {tag.form!r}. Take it off instead.")
            ledger.write(photo_id, tag, _State(carried, rejected=True))


def _difference(tag: _Tag, before: _State, after: _State, photos: list[int]) -> TagDifference:
    what: Literal["added", "removed", "rewritten", "rejected", "unrejected"]
    if before.written != after.written:
        what = "added" if before.written is None else "removed" if after.written is None else "rewritten"
    else:
        what = "rejected" if after.rejected else "unrejected"
    raw = _told(tag, after.written or before.written)[0] or tag.form
    return TagDifference(tag.form, raw, what, tuple(photos))


def _untimed(state: _State) -> _State:
    return state if state.written is None else state._replace(written=state.written._replace(added_at=None))


def _told(tag: _Tag, written: _Written | None) -> tuple[str | None, Origin, float]:
    """Return `raw`, `origin` and `score` of a `TagState`; of a machine tag all is written, not the value alone."""
    if written is None:
        return None, "user", 1.0
    raw = written.raw if isinstance(tag, _PlainTag) else str(MachineTag(tag.namespace, tag.predicate, written.raw))
    return raw, written.origin, written.score


def _check_kind(given: Sequence[TagChange] | Sequence[TagState], kind: type) -> None:
    if not isinstance(given, list | tuple) or not all(isinstance(each, kind) for each in given):
        raise InvalidArgumentError(f"{given!r:.80} was given; expected a list of `{kind.__name__}`.")


def _state_of(state: TagState) -> tuple[_Tag, _State]:
    tag, _ = _parsed(state.tag)
    if tag.form != state.tag or len(state.tag) > _MAX_STORED:
        raise InvalidArgumentError(f"`tag` is {state.tag[:80]!r}; expected a tag in normal form: {tag.form[:80]!r}.")
    if state.rejected and isinstance(tag, _MachineTag):
        raise InvalidArgumentError("Machine tags are never suggested, so none can be rejected.")
    if state.raw is None:
        return tag, _State(None, state.rejected)
    again, raw = _parsed(state.raw)
    if again != tag or len(state.raw) > _MAX_STORED:
        raise InvalidArgumentError(f"`raw` is {state.raw[:80]!r}, which is no spelling of the tag {state.tag[:80]!r}.")
    if state.origin not in get_args(Origin):
        raise InvalidArgumentError(f"`origin` is {state.origin!r}; expected one of {', '.join(get_args(Origin))}.")
    if not (math.isfinite(state.score) and 0 <= state.score <= 1):
        raise InvalidArgumentError(f"`score` is {state.score!r}; expected 0 to 1.")
    if state.rejected and state.origin == "user":  # a file may say later what was rejected
        raise InvalidArgumentError(
            f"The tag {state.tag[:80]!r} has a `raw` and is `rejected`, but what a person gives is not. Choose one."
        )
    added_at = None if state.added_at is None or isinstance(tag, _PlainTag) else _time(state.added_at)
    return tag, _State(_Written(raw, state.origin, float(state.score), added_at), state.rejected)


def _time(text: str) -> str:
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is None:
            raise ValueError
        return time.astimezone(UTC).isoformat(timespec="seconds")
    except (TypeError, ValueError, OverflowError):
        raise InvalidArgumentError(
            f"`added_at` is {str(text)[:80]!r}; expected a time such as 2019-06-30T12:00:00+00:00."
        ) from None


def _ids(photos: Iterable[int]) -> list[int]:
    """Return ids of photos as plain integers, each once."""
    if isinstance(photos, str | bytes):
        raise InvalidArgumentError(f"`photos` is {photos[:80]!r}; expected a list of ids, which are integers.")
    try:
        return list(dict.fromkeys(map(operator.index, photos)))
    except TypeError as error:
        raise InvalidArgumentError(f"`photos` is {str(photos)[:80]}; expected ids, which are integers.") from error


def _read(text: str) -> tuple[_Tag, str]:
    """Read a tag that a person gives, and what is written of it: the whole, or the value of a machine tag."""
    if not isinstance(text, str):
        raise InvalidArgumentError(f"A tag is {text!r}; expected a text.")
    text = spelled(text)
    controls = (character for character in text if unicodedata.category(character) == "Cc")
    if len(text) > _MAX_TAG or not all(character.isspace() for character in controls):
        raise _no_tag(text)
    tag, raw = _parsed(text)
    return tag, " ".join(raw.split()) if isinstance(tag, _PlainTag) else raw


def _parsed(text: str) -> tuple[_Tag, str]:
    if (machine_tag := MachineTag.parse(text)) is not None:
        namespace, predicate, value, raw = parts_of(machine_tag)
        return _MachineTag(namespace, predicate, value), raw
    form = normalised(text)
    if not form or _UNWRITABLE.search(text):
        raise _no_tag(text)
    return _PlainTag(form), text


def _no_tag(text: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"A tag is {text[:80]!r}; expected 1 to {_MAX_TAG} characters that can be shown, white space beside."
    )
