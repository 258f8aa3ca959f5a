"""A collection on disk: add folders to it, search it, read what is known of a photo.

::

    photos.lookalike/
      collection.json     format version, encoder and its card
      catalog.sqlite      photos, files, failures, embeddings, full text
      models/, segments/  the LOPQ index, from about two thousand photos on
      thumbnails/ab/...   JPEG, by content hash

Any number of processes may search a collection; one at a time may add to it. Objects are safe to share between
threads.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self, cast

import numpy as np
from numpy.typing import NDArray

from lookalike.appearance import STYLES, hex_of, style_probes
from lookalike.catalog import Catalog, MachineTagCount, PhotoRecord, Suggestion, TagCount, Within, expanded
from lookalike.catalog.completion import MAX_QUERY
from lookalike.collection.background import Background
from lookalike.collection.columns import ColumnsView
from lookalike.collection.completed import suggestions
from lookalike.collection.hits import Hit, SearchEvidence, SearchResult
from lookalike.collection.ingest import AddProgress, add_photos
from lookalike.collection.likeness import likenesses
from lookalike.collection.locking import adding, writing
from lookalike.collection.migration import bring_up_to_date
from lookalike.collection.opening import existing_collection, settings_at
from lookalike.collection.outside import OutsidePhoto, PhotoQuery, read_outside
from lookalike.collection.photo_files import file_content, id_of, present_file
from lookalike.collection.probe import Probe
from lookalike.collection.query_planning import QueryPlanner
from lookalike.collection.query_search import N_CANDIDATES, QuerySearch, Ranked
from lookalike.collection.ranking import photo_calibration
from lookalike.collection.seen import LABELS, seen_in
from lookalike.collection.seen_photo import SeenPhoto
from lookalike.collection.settings import CollectionSettings, Precision
from lookalike.collection.tag_changes import TagChange, TagEdit, TagState, TagWriter
from lookalike.collection.tagging import MachineTagList, PhotoTag, machine_tag_list, tags_of
from lookalike.collection.taught import TaughtFilters, forget_filter, save_filter
from lookalike.collection.thumbnails import ThumbnailStore
from lookalike.collection.vectors import CATALOG, VectorView, is_indexed
from lookalike.collection.words import Words
from lookalike.encoders import ImageEncoder
from lookalike.errors import (
    CollectionError,
    FormatError,
    InvalidArgumentError,
    LookalikeError,
    UnknownFilterError,
    UnknownPhotoError,
)
from lookalike.photos import PhotoLimits, read_photo, thumbnail
from lookalike.query import Colour, MachineTagPattern, Query, Style, Term, normalised, parse, plain_words

if TYPE_CHECKING:
    from lookalike.collection.verify import CollectionReport
    from lookalike.index.live import LiveStats

__all__ = ["Collection"]

_TRAIN_WHILE_ADDING_FROM = 16_384
"""Photos up to which training waits until all are added: it would take memory and cores that the workers need, and
comparing so many takes some ten milliseconds."""
_TAUGHT_BY = 5
"""Photos of a tag from which on it is looked for in others when its name is asked for."""


class Collection:
    """A collection of photos on disk, opened by `Collection.open`.

    Attributes
    ----------
    path : Path
        Its directory.
    settings : CollectionSettings
        Encoder and card.
    """

    def __init__(
        self, path: Path, settings: CollectionSettings, *, notify: Callable[[str], None] | None = None
    ) -> None:
        self.path = path
        self.settings = settings
        self.thumbnails = ThumbnailStore(path / "thumbnails")
        self._catalog = Catalog(path / CATALOG, writable=False)
        self._vectors = VectorView(self._catalog, path, settings.card.dim)
        self._columns = ColumnsView(self._catalog)
        self._background = Background(self._vectors)
        self._notify = notify
        self._encoder: ImageEncoder | None = None
        self._encoder_lock = threading.Lock()
        self._words = Words(settings, lambda: self.encoder, notify)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        encoder: str | None = None,
        precision: Precision | None = None,
        nsfw: bool | None = None,
        create: bool = True,
        notify: Callable[[str], None] | None = None,
    ) -> Self:
        """Open the collection at `path`, making a new one when nothing is there.

        Parameters
        ----------
        path : path
            A directory, usually named ``SOMETHING.lookalike``.
        encoder : str, optional
            For a new collection: what `load_encoder` takes (default: EfficientNet-Lite2). For an existing one it
            must be the one it was made with.
        precision : {"int8", "fp32"}, optional
            Of a built-in encoder; default "int8".
        nsfw : bool, optional
            For a new collection: whether photos are judged by open_nsfw when they are added (default: they are). For
            an existing one it must be as it was made.
        create : bool
            False: an error instead of a new collection.
        notify : callable, optional
            Called with a line of text before the network is built, which takes seconds, once on every machine.

        Raises
        ------
        NotACollectionError
            There is none and `create` is False, or something else is there.
        InvalidArgumentError
            The collection was made with another encoder than the one asked for, or the other way with `nsfw`.
        FormatError
            Its files are damaged, or newer than this version.
        """
        directory = expanded(path)
        settings = settings_at(directory, encoder=encoder, precision=precision, nsfw=nsfw, create=create, notify=notify)
        bring_up_to_date(directory, settings.card.dim, notify=notify)
        return cls(directory.absolute(), settings, notify=notify)

    def close(self) -> None:
        """Close the catalog's connections, and let go of the index."""
        self._catalog.close()
        self._vectors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Collection {str(self.path)!r}: {len(self):,} photos>"

    def __len__(self) -> int:
        return self._catalog.n_photos()

    # -- adding -----------------------------------------------------------------------------------------------

    def add(
        self,
        *paths: str | os.PathLike[str],
        progress: Callable[[AddProgress], None] | None = None,
        stop: threading.Event | None = None,
        limits: PhotoLimits | None = None,
        n_workers: int | None = None,
        retry_failed: bool = False,
    ) -> AddProgress:
        """Bring folders and files into the collection: what is new, changed, moved or gone since the last time.

        Parameters
        ----------
        *paths : path
            Folders (searched through to the bottom) and files.
        progress : callable, optional
            Called from this thread with an `AddProgress` a few times a second.
        stop : threading.Event, optional
            Set it to stop early; what was done is kept.
        limits : PhotoLimits, optional
            Bytes, pixels and seconds that one photo may take.
        n_workers : int, optional
            Processes that read photos; default: one for each core.
        retry_failed : bool
            Read files again that could not be read, though they have not changed.

        Returns
        -------
        AddProgress
            The counts, with state "done" or "stopped".

        Raises
        ------
        InvalidArgumentError
            One of `paths` does not exist, or `n_workers` is below 1.
        CollectionLockedError
            Another process is adding to this collection.
        """
        from lookalike.collection.writing import PhotoWriter  # with it comes the engine

        report = progress or (lambda _: None)
        self._catalog.check_file()
        self.encoder  # noqa: B018  built once here, so that the workers find it in the cache
        dim = self.settings.card.dim
        with adding(self.path):
            with PhotoWriter(self.path, dim, train_from=_TRAIN_WHILE_ADDING_FROM) as writer:
                now = add_photos(
                    writer,
                    self.path,
                    self.settings,
                    paths,
                    progress=report,
                    stop=stop or threading.Event(),
                    limits=limits or PhotoLimits(),
                    n_workers=n_workers,
                    retry_failed=retry_failed,
                )
            if now.state != "stopped":
                report(dataclasses.replace(now, state="indexing", eta_seconds=None))
                with PhotoWriter(self.path, dim) as writer:
                    writer.index.wait()
                now = dataclasses.replace(now, state="done", eta_seconds=0.0)
        report(now)
        return now

    # -- care -------------------------------------------------------------------------------------------------

    @staticmethod
    def verify(path: str | os.PathLike[str]) -> CollectionReport:
        """Compare every count, checksum and cross-reference of a collection; adding may go on meanwhile.

        Raises
        ------
        NotACollectionError
        FormatError
            Written by a newer version, or by an earlier one and not opened since.
        """
        from lookalike.collection.verify import verify_collection

        return verify_collection(existing_collection(path))

    @classmethod
    def repair(cls, path: str | os.PathLike[str], *, notify: Callable[[str], None] | None = None) -> CollectionReport:
        """Make what is damaged again, from the catalog and the photos, and tell what was mended and what remains.

        Raises
        ------
        NotACollectionError
        FormatError
            The catalog itself or `collection.json` is damaged: restore a backup.
        CollectionLockedError, CollectionError
        """
        from lookalike.collection.repair import repair_collection

        directory = existing_collection(path)
        with cls.open(directory, create=False, notify=notify) as photos, writing(directory):
            return repair_collection(directory, photos.settings.card.dim, photos._encode_again, photos.thumbnail)

    def _encode_again(self, photo_id: int) -> NDArray[np.float32] | None:
        """Return the embedding of a photo, as the encoder gives it; None where none of its files can be read."""
        try:
            path, data = self.file_content(photo_id)
            image = read_photo(data, name=path.name, min_side=self.settings.min_side).image
        except LookalikeError:
            return None
        embedding: NDArray[np.float32] = self.encoder.encode([image]).embeddings[0]
        return embedding

    def backup(self, path: str | os.PathLike[str]) -> None:
        """Copy the collection, as it is at one moment, to a path at which nothing is; adding may go on meanwhile.

        The photos themselves are not copied; thumbnails are linked where the disk allows it.

        Raises
        ------
        InvalidArgumentError
            Something is there.
        FormatError
            A file of the index is missing; `repair` first.
        CollectionError
            The disk is full or cannot be written to.
        """
        from lookalike.collection.backup import copy_collection

        copy_collection(self.path, expanded(path))

    @classmethod
    def restore(cls, backup: str | os.PathLike[str], path: str | os.PathLike[str]) -> CollectionReport:
        """Put a copy of a backup at a path at which nothing is, after a look at every byte of it.

        Raises
        ------
        NotACollectionError
            There is no backup.
        FormatError
            The backup is damaged.
        InvalidArgumentError
            Something is at `path`.
        CollectionError
            The disk is full or cannot be written to.
        """
        from lookalike.collection.backup import copy_collection

        source = existing_collection(backup)
        report = cls.verify(source)
        if not report.is_clean:
            problems = " ".join(map(str, report.problems))
            raise FormatError(
                f"The backup at `{source}` is damaged: {problems} `lookalike repair -c {source}` mends what it can."
            )
        copy_collection(source, expanded(path))
        return dataclasses.replace(report, path=str(path), leftovers=())

    def compact(self, *, train: bool = False, notify: Callable[[str], None] | None = None) -> None:
        """Merge the whole index into one segment, and give the space of what was removed back to the disk.

        Parameters
        ----------
        train : bool
            Before, train a model on the photos as they are now and code all with it, once there are enough for an
            index. It happens by itself when photos are added; ``stats().asks_for_training`` tells whether it is due.
        notify : callable, optional
            Called with a sentence on each step of it.

        Raises
        ------
        CollectionLockedError
            Another process is writing to this collection.
        CollectionError, LiveIndexError
            The disk is full or cannot be written to. The collection is as it was.
        """
        from lookalike.collection.compacting import compact_collection

        compact_collection(self.path, self.settings.card.dim, train=train, tell=notify or (lambda _: None))

    def stats(self, *, recall_sample: int = 0) -> LiveStats:
        """Count what the index holds and what was written for it.

        Parameters
        ----------
        recall_sample : int
            Search with so many of the photos, through the index and exactly, and tell what share of the true ten
            nearest the first way finds.
        """
        return self._vectors.index.stats(recall_sample=recall_sample)

    # -- searching --------------------------------------------------------------------------------------------

    @property
    def encoder(self) -> ImageEncoder:
        """The encoder of this collection, loaded when first asked for.

        Raises
        ------
        CollectionError
            What is installed is not the encoder that made the stored embeddings.
        """
        with self._encoder_lock:
            if self._encoder is None:
                self._encoder = self.settings.load_encoder(progress=self._notify)
            return self._encoder

    def read(self, photo: str | os.PathLike[str] | bytes, *, limits: PhotoLimits | None = None) -> OutsidePhoto:
        """Read and encode a photo that need not be in the collection, to search with it more than once.

        Raises
        ------
        PhotoError
            It cannot be read, or is beyond `limits`.
        InvalidArgumentError
            There is no such file.
        """
        return read_outside(photo, self.encoder, min_side=self.settings.min_side, limits=limits or PhotoLimits())

    def embed(self, photo: str | os.PathLike[str] | bytes | OutsidePhoto) -> NDArray[np.float32]:
        """Return the embedding float32 (dim,) of a photo that need not be in the collection.

        It lies in the space of `embeddings`: unit length, the collection's mean taken off.
        """
        embedding = self._outside(photo).embedding
        centred: NDArray[np.float32] = self._vectors.state().space.compared(embedding[None])[0]
        return centred

    def _outside(self, photo: PhotoQuery) -> OutsidePhoto:
        assert not isinstance(photo, int | np.integer)
        return photo if isinstance(photo, OutsidePhoto) else self.read(photo)

    def embeddings(self, ids: Sequence[int] | NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the embeddings float32 (n, dim) of photos of the collection, as search compares them.

        They have unit length and the collection's mean is taken off; the mean is renewed as the collection grows, so
        compare only embeddings that were read at the same time.

        Raises
        ------
        UnknownPhotoError
            One of `ids` is not in the collection.
        """
        if len(ids) == 0:
            return np.zeros((0, self.settings.card.dim), np.float32)
        embeddings = self._vectors.embeddings([int(photo_id) for photo_id in ids])
        return self._vectors.state().space.compared(embeddings)

    def raw_embeddings(self, ids: Sequence[int] | NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the embeddings float32 (n, dim) of photos of the collection, as the encoder gave them.

        Raises
        ------
        UnknownPhotoError
            One of `ids` is not in the collection.
        """
        if len(ids) == 0:
            return np.zeros((0, self.settings.card.dim), np.float32)
        return self._vectors.embeddings([int(photo_id) for photo_id in ids])

    @property
    def mean(self) -> NDArray[np.float32]:
        """What is taken off embeddings before they are compared, float32 (dim,); renewed as the collection grows."""
        mean = self._vectors.state().space.mean
        return np.zeros(self.settings.card.dim, np.float32) if mean is None else mean.astype(np.float32)

    def ids(self) -> NDArray[np.int64]:
        """Return the ids of all photos that can be found, rising: int64 (n,)."""
        return self._vectors.state().ids()

    def search(
        self,
        query: str | Query | None = None,
        *,
        photo: PhotoQuery | None = None,
        words: str | None = None,
        vector: NDArray[np.floating] | None = None,
        k: int = 20,
        offset: int = 0,
        exact: bool = False,
        within: Within | None = None,
        distinct: bool = False,
    ) -> SearchResult:
        """Find photos by a photo, words, a vector, or a query that mixes these with colours, styles and filters.

        Parameters
        ----------
        query : str or Query, optional
            A query, or a line in its language: ``"boat -rain colour:teal since:2019"`` (docs/reference/query.md).
        photo : int, path, bytes or OutsidePhoto
            An id of the collection; a path, of the collection or outside; the bytes of a file; or what `read` gave.
            A photo of the collection is not among its own hits.
        words : str
            Words and "quoted phrases", nothing else of the language: said of a photo in title, caption, keywords,
            creator or file name, or seen in it.
        vector : array (dim,)
            In the space of `embeddings` and `embed`.
        k : int
            Hits wanted; fewer come back when there are fewer photos.
        offset : int
            Hits to leave out at the beginning.
        exact : bool
            Compare with every photo instead of asking the index.
        within : Within, optional
            Limits beside those of the query: folder, time, place, format and others, or given ids.
        distinct : bool
            Leave out hits that are nearly the same as an earlier one, and name them with it.

        Raises
        ------
        InvalidArgumentError
            Nothing is asked for; a wrong `k` or shape; a value of the query that cannot be.
        UnknownPhotoError
            An id that is not in the collection.
        PhotoError
            The photo cannot be read.
        """
        if all(part is None for part in (query, photo, words, vector)):
            raise InvalidArgumentError("Give at least one of `query`, `photo`, `words` and `vector`.")
        k, offset = _page(k, offset, "k")
        if query is not None and not isinstance(query, str | Query):
            raise InvalidArgumentError(f"`query` is {query!r:.80}; expected a text or a `Query`.")
        if words is not None and not isinstance(words, str):
            raise InvalidArgumentError(f"`words` is {words!r:.80}; expected a text.")
        asked = Query() if query is None else self.parse(query) if isinstance(query, str) else query
        if words is not None:
            said = plain_words(words)
            if not said:
                return SearchResult((), SearchEvidence("words", len(self), 0, 0, 0, 0.0), query=asked)
            asked = dataclasses.replace(asked, terms=(*asked.terms, *said))
        found = likenesses(asked, photo, vector, photos=self, catalog=self._catalog)
        ranked = self._ranking.search(asked, found, k=k, offset=offset, exact=exact, within=within, distinct=distinct)
        own = next((like.photo_id for like in found if like.name == "photo"), None)
        return SearchResult(
            self._hits(ranked), ranked.evidence, own, has_more=ranked.has_more, n_good=ranked.n_good, query=asked
        )

    def parse(self, text: str) -> Query:
        """Read a line of the language of queries, of which all colours and styles are known here.

        Raises
        ------
        QueryError
            A value cannot be; its `position` says where.
        """
        return parse(text, check=self._check_name)

    def _check_name(self, term: Term) -> None:
        if isinstance(term, Colour):
            hex_of(term.colour)
        if isinstance(term, Style) and normalised(term.name) not in map(normalised, names := self.style_names()):
            with contextlib.suppress(UnknownFilterError):
                self._taught.get(term.name)  # one that cannot be read says why
            near = get_close_matches(term.name, names, n=1)
            meant = f" Did you mean {near[0]!r}?" if near else ""
            raise InvalidArgumentError(f"There is no style {term.name!r}; there are {', '.join(sorted(names))}.{meant}")

    @cached_property
    def _planner(self) -> QueryPlanner:
        return QueryPlanner(
            self._catalog,
            self._vectors,
            self._columns,
            self._background,
            self._words.space,
            self._taught,
            self._likely_tagged,
        )

    @cached_property
    def _ranking(self) -> QuerySearch:
        calibration = photo_calibration(self.settings.card)
        return QuerySearch(self._planner, self._catalog, self._vectors, self._columns, self._background, calibration)

    @cached_property
    def _taught(self) -> TaughtFilters:
        return TaughtFilters(self._catalog, self._vectors, self.settings.card.fingerprint)

    @property
    def word_method(self) -> str:
        """How words are looked for: "texts only", or which space tells besides what is seen in photos.

        That is the joint space of an encoder with a text side, or that of the names of the classes which it sees.
        """
        return self._words.method

    @property
    def style_method(self) -> str:
        """How styles are told: "image statistics alone", or whose embeddings tell besides."""
        card = self.settings.card
        if not style_probes(card.fingerprint):
            return "image statistics alone"
        return f"image statistics and embeddings of {card.name}"

    def suggest(self, typed: str, *, limit: int = 10) -> list[Suggestion]:
        """List how a query that is being typed may go on.

        Parameters
        ----------
        typed : str
            A line of the language of queries; its last item is completed, and the whole from queries asked before.
        limit : int

        Returns
        -------
        list of Suggestion
            `text` stands for the last item (`lookalike.query.last_item`); where `kind` is "query", for the whole line.
        """
        if not isinstance(limit, int | np.integer) or not 1 <= limit <= 1000:
            raise InvalidArgumentError(f"`limit` is {limit!r}; expected an integer from 1 to 1,000.")
        return suggestions(typed, self._catalog.completion, style_names=self.style_names(), limit=int(limit))

    def remember_query(self, query: str) -> bool:
        """Keep a query that was asked, to suggest it later; returns whether it could be kept.

        It is not where the collection lies in a place that cannot be written to, or another process is just writing.

        Raises
        ------
        InvalidArgumentError
            No text, or a longer one than `MAX_QUERY` characters.
        """
        if not isinstance(query, str) or len(query) > MAX_QUERY:
            raise InvalidArgumentError(
                f"`query` is {query!r:.80}; expected a text of {MAX_QUERY:,} characters at most."
            )
        if not os.access(self.path, os.W_OK):
            return False
        try:
            with closing(Catalog(self.path / CATALOG, writable=True, create=False)) as catalog:
                # SQLite's own lock is enough: nobody else writes this table, and no index follows it.
                catalog.connection.execute("PRAGMA busy_timeout = 500")
                with catalog.transaction():
                    catalog.completion.remember(query)
        except (CollectionError, FormatError):
            return False
        return True

    def _likely_tagged(self, text: str) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
        """Photos that may deserve the tag that a text names; None where it names none, or one of too few photos."""
        tag = normalised(text)
        if self._catalog.tags.n_saying(tag, most=_TAUGHT_BY) < _TAUGHT_BY:
            return None
        from lookalike.collection.learned_tags import tags_now

        state = tags_now(self, wait=False)
        return None if state is None or tag not in state.index.space.names else state.likely_photos(tag, N_CANDIDATES)

    def _hits(self, ranked: Ranked) -> tuple[Hit, ...]:
        records = self._catalog.photos_by_id([photo_id for photo_id, _, _ in ranked.hits])
        return tuple(
            Hit(photo_id, records[photo_id].path, score, parts, tuple(ranked.others.get(photo_id, ())))
            for photo_id, score, parts in ranked.hits
            if photo_id in records and records[photo_id].path  # not gone since
        )

    def find(self, photo: PhotoQuery) -> int | None:
        """Return the id of the collection's photo that `photo` is, by id, path or content; None for an outside one.

        Raises
        ------
        UnknownPhotoError
            An integer that is no id of the collection.
        InvalidArgumentError
            A path that is neither in the collection nor on disk; what is no photo, such as True or a list.
        """
        return id_of(photo, self._catalog)

    # -- tags -------------------------------------------------------------------------------------------------

    def tag(self, photo: PhotoQuery | Sequence[PhotoQuery], *tags: str) -> None:
        """Give a photo, or several, tags as a person says them: found by words and by ``tag:``.

        Parameters
        ----------
        photo : int, path or bytes, or a list or tuple of these
            Photos of the collection.
        *tags : str
            Words such as "San Francisco", or machine tags such as ``dopplr:eat="San Francisco"``.

        Raises
        ------
        UnknownPhotoError
        InvalidArgumentError
            What cannot be a tag.
        CollectionLockedError
            Another process is writing, and was for ten seconds.
        """
        self._tag_writer.change([TagChange(self._own(photo), add=tags)])

    def untag(self, photo: PhotoQuery | Sequence[PhotoQuery], *tags: str) -> int:
        """Take tags off a photo, or several, and tell how many there were; see `tag`.

        Keywords of a photo's file come back when the file changes and is read again.
        """
        edit = self._tag_writer.change([TagChange(self._own(photo), remove=tags)])
        return sum(len(each.photos) for each in edit.differences)

    def change_tags(self, *changes: TagChange) -> TagEdit:
        """Give, take off, accept and reject tags of many photos in one transaction: all of it or nothing.

        Returns
        -------
        TagEdit
            What is other than before; `restore_tags` takes its `undo`.

        Raises
        ------
        UnknownPhotoError, InvalidArgumentError, CollectionLockedError
        """
        return self._tag_writer.change(changes)

    def restore_tags(self, states: Sequence[TagState]) -> TagEdit:
        """Put tags back as they were: undo a `TagEdit`, by its `undo`. What this gives undoes the undoing.

        Raises
        ------
        UnknownPhotoError, InvalidArgumentError, CollectionLockedError
        """
        return self._tag_writer.restore(states)

    def rename_tag(self, tag: str, new: str) -> TagEdit:
        """Give all photos that have a tag another instead, which some may have already; see `change_tags`.

        Raises
        ------
        UnknownTagError
            No photo has it.
        """
        return self._tag_writer.rename(tag, new)

    def reject_tags(self, photo: PhotoQuery | Sequence[PhotoQuery], *tags: str) -> None:
        """Keep that tags do not suit a photo, or several: they are not suggested again. Tagging it undoes that."""
        self._tag_writer.change([TagChange(self._own(photo), reject=tags)])

    def rejected_tags(self, photo: PhotoQuery | Sequence[PhotoQuery] | None = None) -> list[tuple[int, str]]:
        """List photo and tag, in normal form, of what was rejected: for a photo, for several, or for all."""
        return self._catalog.tags.rejected(None if photo is None else self._own(photo))

    def tags(self, photo: PhotoQuery) -> list[PhotoTag]:
        """List the tags of one photo of the collection, machine tags last: people's, its file's, then the network's.

        Of several photos `said_tags` tells what people and files say.
        """
        if isinstance(photo, list | tuple):
            raise InvalidArgumentError(
                "`photo` is several; expected one. Ask for each, or `said_tags` for all of them."
            )
        return tags_of(self._catalog, self._own(photo)[0])

    def said_tags(self, photo: PhotoQuery | Sequence[PhotoQuery] | None = None) -> list[tuple[int, str, str]]:
        """List photo, tag in normal form, and spelling of all that people and files say, by photo; no machine tags.

        Of a photo, of several, or of all.
        """
        return self._catalog.tags.said(None if photo is None else self._own(photo))

    def tag_spelling(self, tag: str) -> str | None:
        """Return how a tag is written, given in any spelling; None where people and files say it of no photo."""
        return self._catalog.tags.spelling(normalised(tag))

    def retagged_since(self, generation: int) -> list[int] | None:
        """List the photos whose tags, or what was rejected for them, changed after a generation; None: not known."""
        return self._catalog.tags.changed_since(generation)

    def tag_counts(self, prefix: str = "", *, limit: int = 100, offset: int = 0) -> list[TagCount]:
        """List tags that begin with `prefix`, those of the most photos first; no machine tags."""
        limit, offset = _page(limit, offset, "limit")
        return self._catalog.tags.counts(prefix=normalised(prefix), limit=limit, offset=offset)

    def photos_tagged(self, tag: str) -> NDArray[np.int64]:
        """Return the ids of photos that have a tag, or a machine tag of a pattern such as ``exif:*=``, ascending."""
        return self._planner.having(MachineTagPattern.parse(tag) or tag)

    def machine_tag_list(
        self,
        pattern: str | None = None,
        *,
        what: MachineTagList | None = None,
        since: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> tuple[MachineTagList, list[MachineTagCount]]:
        """List what there is of machine tags, those of the most photos first.

        Parameters
        ----------
        pattern : str, optional
            ``exif:*=``, ``exif:model=``, ``*:*=sanfrancisco``: those that are meant; by default all.
        what : "namespaces", "predicates", "pairs" or "values", optional
            By default what the pattern leaves open first: pairs of a value, namespaces, predicates of a namespace,
            values.
        since : str, optional
            Only what was written then or later: UTC, ISO 8601, or the beginning of it.
        limit, offset : int

        Returns
        -------
        what : str
        list of MachineTagCount

        Raises
        ------
        InvalidArgumentError
            No pattern, or a list that it has not.
        """
        limit, offset = _page(limit, offset, "limit")
        return machine_tag_list(self._catalog, what, pattern, since=since, limit=limit, offset=offset)

    @property
    def _tag_writer(self) -> TagWriter:
        self._catalog.check_file()
        return TagWriter(self.path)

    def _own(self, photo: PhotoQuery | Sequence[PhotoQuery]) -> list[int]:
        """Ids of photos of the collection."""
        found = []
        several = photo if isinstance(photo, list | tuple) else [cast("PhotoQuery", photo)]
        for each in several:
            photo_id = self.find(each)
            if photo_id is None:
                shown = each if isinstance(each, str | os.PathLike) else "That photo"
                raise UnknownPhotoError(f"`{shown}` is not in this collection. `lookalike add` brings it in.")
            found.append(photo_id)
        return found

    # -- taught filters ---------------------------------------------------------------------------------------

    def save_filter(self, probe: Probe) -> None:
        """Keep a taught filter (lookalike.explore.asking.teach), which ``style:NAME`` finds then.

        Raises
        ------
        InvalidArgumentError
            Its name cannot be, or is a style's.
        CollectionLockedError
        """
        self._catalog.check_file()
        save_filter(self.path, probe)

    def forget_filter(self, name: str) -> bool:
        """Forget a taught filter; tells whether there was one."""
        self._catalog.check_file()
        return forget_filter(self.path, name)

    def style_names(self) -> list[str]:
        """List the styles that photos can be searched by: Lookalike's own, then those that were taught."""
        return [*(style.name for style in STYLES.values()), *(probe.name for probe in self._taught.all())]

    def filters(self) -> list[Probe]:
        """List the taught filters that can be read, by name."""
        return self._taught.all()

    def filter(self, name: str) -> Probe:
        """Return a taught filter.

        Raises
        ------
        UnknownFilterError
        """
        return self._taught.get(name)

    def scores_of(self, name: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Score all photos by a measure ("nsfw", "quality", ...), a style or a taught filter.

        Returns
        -------
        ids : int64 (n,)
            Ascending.
        scores : float32 (n,)
            NaN where it was not measured.

        Raises
        ------
        InvalidArgumentError
            There is nothing of that name.
        """
        return self._planner.scores_of(name)

    # -- what is known ----------------------------------------------------------------------------------------

    @property
    def generation(self) -> int:
        """A number that grows with every change: tells those who remember that what they hold may be old."""
        return self._catalog.generation

    def photo(self, photo_id: int) -> PhotoRecord:
        """Return what is known of one photo.

        Raises
        ------
        UnknownPhotoError
        """
        return self._catalog.photo(photo_id)

    def seen(self, photo_id: int) -> SeenPhoto:
        """Return what is known of a photo beside its file: tags, labels, colours, measures.

        Raises
        ------
        UnknownPhotoError
        """
        self._catalog.photo(photo_id)
        return SeenPhoto.of(
            seen_in(self._catalog, photo_id),
            tags=self._catalog.tags.of_photo(photo_id),
            machine_tags=self._catalog.machine_tags.of_photo(photo_id),
            has_labels=self.settings.card.labels == LABELS,
        )

    def photos(self, ids: Sequence[int]) -> list[PhotoRecord]:
        """Return those of `ids` that exist, in their order."""
        records = self._catalog.photos_by_id(ids)
        return [records[photo_id] for photo_id in ids if photo_id in records]

    def photos_after(self, cursor: int, limit: int) -> list[PhotoRecord]:
        """List up to `limit` photos with an id larger than `cursor`, in the order in which they came."""
        return self._catalog.photos_after(cursor, limit)

    def paths(self, photo_id: int) -> list[str]:
        """List every file that holds this photo."""
        return self._catalog.paths(photo_id)

    def file(self, photo_id: int) -> Path:
        """Return a file that held this photo when it was added, and can be read now; `file_content` looks into it.

        Raises
        ------
        UnknownPhotoError
        PhotoGoneError
            None of its files is there any more.
        """
        return present_file(photo_id, self._catalog)

    def file_content(self, photo_id: int) -> tuple[Path, bytes]:
        """Read a file that holds this photo still: one may have been changed, and not added again yet.

        Raises
        ------
        UnknownPhotoError
        PhotoGoneError
            None of its files is there any more, or holds it.
        """
        return file_content(photo_id, self._catalog)

    def failures(self) -> list[tuple[str, str]]:
        """List (path, reason) of the files that could not be read."""
        return self._catalog.failures()

    def n_files(self) -> int:
        """Count the files that hold the photos."""
        return self._catalog.n_files()

    def n_failures(self) -> int:
        """Count the files that could not be read."""
        return self._catalog.n_failures()

    @property
    def search_method(self) -> Literal["exact", "lopq"]:
        """How a search by photo is done now: "exact" or "lopq"."""
        return "lopq" if is_indexed(self._catalog) else "exact"

    def thumbnail(self, photo_id: int) -> bytes:
        """Return the photo's thumbnail, a JPEG; made again from the photo when its file is missing.

        Raises
        ------
        UnknownPhotoError, PhotoGoneError, PhotoError
        """
        record = self._catalog.photo(photo_id)
        if jpeg := self.thumbnails.get(record.sha256):
            return jpeg
        path, data = self.file_content(photo_id)
        jpeg = thumbnail(read_photo(data, name=path.name, min_side=self.settings.min_side).image)
        with contextlib.suppress(OSError):  # a full disk, or one that cannot be written to
            self.thumbnails.put(record.sha256, jpeg)
        return jpeg


def _page(length: int, offset: int, name: str) -> tuple[int, int]:
    """Check which part of a list is asked for: how many, under the name that the caller gives it, and from where on."""
    for what, value, least in ((name, length, 1), ("offset", offset, 0)):
        if not isinstance(value, int | np.integer) or not least <= value < 2**31:
            raise InvalidArgumentError(f"`{what}` is {value!r}; expected an integer from {least} to {2**31 - 1:,}.")
    return int(length), int(offset)
