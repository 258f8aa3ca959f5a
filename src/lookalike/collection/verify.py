"""Every count, checksum and cross-reference of a collection.

What the live index can say of itself (vectors, models, segments, the database) it says; here come the references
between it and the catalog: a photo of which a file is present has one vector in the index, one whose files have all
gone has one laid aside; every photo has its line in the full text, every present one its thumbnail. What was seen in a
photo has the lengths of its recipe; that a photo was not looked at yet is no damage. Photo files themselves are not
looked at: that is what `add` does. Reads every byte of the database and the index, and the ends of thumbnails; adding
may go on meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from lookalike.catalog import Catalog
from lookalike.collection.seen import EMPTY, RECIPE
from lookalike.collection.settings import CollectionSettings
from lookalike.collection.thumbnails import ThumbnailStore
from lookalike.collection.vectors import CATALOG
from lookalike.errors import CollectionError, FormatError, NewerVersionError
from lookalike.index.live.report import Problem
from lookalike.index.live.verify import verify

__all__ = ["CollectionReport", "Findings", "cross_references", "verify_collection"]

_REFERRING = " UNION ALL ".join(
    f"SELECT photo_id FROM {table}" for table in ("files", "aside", "seen", "tags", "machine_tags", "rejected_tags")
)
_PRESENT = "SELECT photo_id FROM files WHERE gone_at IS NULL"


@dataclass(frozen=True, slots=True)
class CollectionReport:
    """What `Collection.verify` and `Collection.repair` found.

    Attributes
    ----------
    path : str
    n_photos, n_files, n_vectors, n_segments, n_thumbnails : int
        What was looked at; photos and files that are present.
    problems : tuple of Problem
        Each with `place` and `message`; empty when all is well.
    leftovers : tuple of str
        Files of a run that was killed, which nothing names. No problem.
    mended : tuple of Problem
        What `repair` found and made good.
    """

    path: str
    n_photos: int
    n_files: int
    n_vectors: int
    n_segments: int
    n_thumbnails: int
    problems: tuple[Problem, ...]
    leftovers: tuple[str, ...] = ()
    mended: tuple[Problem, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether there is no problem."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class Findings:
    """What does not agree between catalog, index, full text and thumbnails: ids of photos, ascending.

    Attributes
    ----------
    unvectored : tuple of int
        Without a vector, in the index or aside.
    misplaced : tuple of int
        With a vector in the wrong one of the two, or in both.
    unwritten : tuple of int
        Without a line in the full text.
    unnamed : tuple of int
        Lines of the full text without a photo.
    unshown : tuple of int
        Present, without a whole thumbnail.
    wrong : tuple of int
        With facts or a content hash that cannot be read.
    unsound : tuple of int
        Of which what was seen is not what is written of any photo.
    orphans : tuple of int
        Numbers of photos that are not there, which files, embeddings or tags refer to.
    strays : tuple of str
        Thumbnails of no photo.
    n_thumbnails : int
    """

    unvectored: tuple[int, ...]
    misplaced: tuple[int, ...]
    unwritten: tuple[int, ...]
    unnamed: tuple[int, ...]
    unshown: tuple[int, ...]
    wrong: tuple[int, ...]
    unsound: tuple[int, ...]
    orphans: tuple[int, ...]
    strays: tuple[str, ...]
    n_thumbnails: int

    def problems(self) -> Iterator[Problem]:
        """Say them, one line for each kind."""
        for place, message, found in (
            ("vectors", "{} no embedding", self.unvectored),
            ("vectors", "{} an embedding among those of present photos and is gone, or the reverse", self.misplaced),
            ("full text", "{} no line in it, and cannot be found by words", self.unwritten),
            ("full text", "{} a line in it, but is no photo", self.unnamed),
            ("thumbnails", "{} none, or half of one", self.unshown),
            ("photos", "{} facts or a content hash that cannot be read", self.wrong),
            ("seen", "{} figures of what is seen in it that are damaged; `lookalike add` looks again", self.unsound),
            ("files", "{} files, embeddings or tags, but no record", self.orphans),
        ):
            if found:
                yield Problem(place, message.format(_these(found)) + ".")


def verify_collection(directory: Path) -> CollectionReport:
    """Look at everything.

    Raises
    ------
    FormatError
        Written by a newer version, or by an earlier one and not brought up to date yet.
    NotACollectionError
    """
    problems: list[Problem] = []
    dim = None
    try:
        dim = CollectionSettings.read(directory / "collection.json").card.dim
    except NewerVersionError:
        raise
    except FormatError as error:
        problems.append(Problem("collection.json", str(error)))
    try:
        catalog = Catalog(directory / CATALOG, writable=False)
    except NewerVersionError:
        raise
    except (FormatError, CollectionError) as error:
        problems.append(Problem("database", str(error)))
        return CollectionReport(str(directory), 0, 0, 0, 0, 0, tuple(problems))
    index = verify(directory / CATALOG, directory)
    problems += index.problems
    n_photos = n_files = n_thumbnails = 0
    n_vectors = index.n_vectors
    strays: tuple[str, ...] = ()
    with closing(catalog):
        if not any(problem.place == "database" for problem in index.problems):
            with catalog.snapshot():
                found = cross_references(catalog, ThumbnailStore(directory / "thumbnails"))
                n_photos, n_files, n_thumbnails = catalog.n_photos(), catalog.n_files(), found.n_thumbnails
                n_vectors = catalog.connection.execute("SELECT count(*) FROM vectors").fetchone()[0]
                stored = catalog.connection.execute("SELECT value FROM live WHERE name = 'dim'").fetchone()[0]
            problems += found.problems()
            strays = found.strays
            if dim is not None and stored != dim:
                problems.append(Problem("collection.json", f"its encoder has {dim} dimensions, the vectors {stored}."))
    return CollectionReport(
        str(directory),
        n_photos,
        n_files,
        n_vectors,
        index.n_segments,
        n_thumbnails,
        tuple(problems),
        (*index.leftovers, *strays),
    )


def cross_references(catalog: Catalog, thumbnails: ThumbnailStore) -> Findings:
    """Compare catalog, index, full text and thumbnails with each other; inside of a transaction of the caller."""

    def ids(sql: str) -> tuple[int, ...]:
        return tuple(row[0] for row in catalog.connection.execute(sql))

    present = set(ids(f"SELECT DISTINCT photo_id FROM ({_PRESENT})"))
    photos = dict(catalog.connection.execute("SELECT id, sha256 FROM photos").fetchall())
    vectors, aside = set(ids("SELECT id FROM vectors")), set(ids("SELECT photo_id FROM aside"))
    lines = set(ids("SELECT rowid FROM photo_text"))
    dim = catalog.connection.execute("SELECT value FROM live WHERE name = 'dim'").fetchone()[0]
    short = set(ids(f"SELECT photo_id FROM aside WHERE typeof(vector) <> 'blob' OR length(vector) <> {4 * dim}"))
    unshown, shown = [], set()
    for photo_id in sorted(present & photos.keys()):
        if isinstance(photos[photo_id], bytes):
            path = thumbnails.path(photos[photo_id].hex())
            shown.add(path.name)
            if not _is_whole(path):
                unshown.append(photo_id)
    known = shown | {f"{sha256.hex()}.jpg" for sha256 in photos.values() if isinstance(sha256, bytes)}
    strays = [path for path in thumbnails.root.rglob("*") if path.is_file() and path.name not in known]
    return Findings(
        unvectored=_sorted(photos.keys() - vectors - (aside - short)),
        misplaced=_sorted((vectors - present) | (aside & present)),
        unwritten=_sorted(photos.keys() - lines),
        unnamed=_sorted(lines - photos.keys()),
        unshown=tuple(unshown),
        wrong=ids("SELECT id FROM photos WHERE length(sha256) <> 32 OR NOT json_valid(facts) ORDER BY id"),
        unsound=_unsound(catalog),
        orphans=ids(
            f"SELECT DISTINCT photo_id FROM ({_REFERRING}) "
            "WHERE photo_id NOT IN (SELECT id FROM photos) ORDER BY photo_id"
        ),
        strays=tuple(sorted(str(path.relative_to(thumbnails.root.parent)) for path in strays)),
        n_thumbnails=len(shown) - len(unshown),
    )


def _unsound(catalog: Catalog) -> tuple[int, ...]:
    """Photos of which what was seen, by the recipe of this version, has not its lengths."""
    fields = ("labels", "palette", "composition", "measures")
    wrong = " OR ".join(f"typeof({name}) <> 'blob' OR length({name}) <> ?" for name in fields)
    rows = catalog.connection.execute(
        f"SELECT photo_id FROM seen WHERE recipe = ? AND ({wrong}) ORDER BY photo_id",
        (RECIPE, *map(len, EMPTY.to_row())),
    )
    return tuple(row[0] for row in rows)


def _is_whole(jpeg: Path) -> bool:
    """Whether a file begins and ends as a JPEG does."""
    try:
        with jpeg.open("rb") as file:
            begins = file.read(2) == b"\xff\xd8"
            file.seek(-2, os.SEEK_END)
            return begins and file.read(2) == b"\xff\xd9"
    except OSError:  # not there, or empty
        return False


def _sorted(photo_ids: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(photo_ids))


def _these(found: tuple[int, ...]) -> str:
    """Say which photos, by id, and that they have something."""
    return f"photo {found[0]} has" if len(found) == 1 else f"{len(found):,} photos, the first {found[0]}, have"
