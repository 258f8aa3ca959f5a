"""How what is being typed may go on: tags, machine tags, words of captions, and earlier queries.

By prefix; where that finds too few, with one mistake (a letter more, less, other, or two exchanged) from four letters
on; and where that finds nothing, with two from eight; beyond 64 letters, with none. All that is one edit from what was
typed, a thousand to four thousand beginnings, is looked up in the table's B-tree at once. For two edits that would be
too many: only the first four letters are varied, by one, and what begins so is compared with all that was typed; two
mistakes among the first four are not forgiven. Nothing is kept in memory.

The table `vocabulary` counts what the other tables hold: triggers follow tags and machine tags, `count_words` follows
the texts. Words are kept as they are written there, for the full text knows their stems only. Values in the namespace
``geo`` are left out: nobody types a latitude.
"""

from __future__ import annotations

import json
import re
import sqlite3
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal, NamedTuple

__all__ = [
    "COMPLETION",
    "MAX_QUERY",
    "Completion",
    "Kind",
    "Suggestion",
    "count_anew",
    "count_words",
    "edits_to_prefixes",
]

Kind = Literal["tag", "machine tag", "word", "query", "key"]

COMPLETION = """
CREATE TABLE vocabulary (
    term TEXT NOT NULL,
    kind TEXT NOT NULL,
    head TEXT NOT NULL,
    text TEXT NOT NULL,
    n    INTEGER NOT NULL,
    PRIMARY KEY (term, kind, head)
) WITHOUT ROWID;
CREATE TRIGGER tags_counted AFTER INSERT ON tags BEGIN
    INSERT INTO vocabulary VALUES (new.tag, 'tag', '', new.raw, 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER tags_discounted AFTER DELETE ON tags BEGIN
    UPDATE vocabulary SET n = n - 1 WHERE term = old.tag AND kind = 'tag';
    DELETE FROM vocabulary WHERE term = old.tag AND kind = 'tag' AND n <= 0;
END;
CREATE TRIGGER machine_tags_counted AFTER INSERT ON machine_tags BEGIN
    INSERT INTO vocabulary VALUES (new.namespace, 'machine tag', '', new.namespace || ':', 1)
    ON CONFLICT DO UPDATE SET n = n + 1;
    INSERT INTO vocabulary VALUES (new.predicate, 'machine tag', new.namespace || ':', new.predicate || '=', 1)
    ON CONFLICT DO UPDATE SET n = n + 1;
    INSERT INTO vocabulary
    SELECT new.value, 'machine tag', new.namespace || ':' || new.predicate || '=', new.raw, 1
    WHERE new.namespace <> 'geo'
    ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER machine_tags_discounted AFTER DELETE ON machine_tags BEGIN
    UPDATE vocabulary SET n = n - 1 WHERE kind = 'machine tag' AND (term, head) IN (
        VALUES (old.namespace, ''), (old.predicate, old.namespace || ':'),
        (old.value, old.namespace || ':' || old.predicate || '='));
    DELETE FROM vocabulary WHERE n <= 0 AND kind = 'machine tag' AND (term, head) IN (
        VALUES (old.namespace, ''), (old.predicate, old.namespace || ':'),
        (old.value, old.namespace || ':' || old.predicate || '='));
END;
CREATE TABLE past_queries (
    text    TEXT PRIMARY KEY,
    folded  TEXT NOT NULL,
    n       INTEGER NOT NULL,
    last_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX past_queries_by_folded ON past_queries (folded);
CREATE INDEX past_queries_by_time ON past_queries (last_at);
"""
"""To be made after the tables of tags and machine tags, and of an empty catalog or followed by `count_anew`."""

_LATIN = "abcdefghijklmnopqrstuvwxyz0123456789" + "".join(filter(str.islower, map(chr, range(0xDF, 0x180))))
_VARIED = 16  # letters among which one mistake is looked for
_BEGINNING = 4  # letters of which one may be wrong when two are
_ONE_FROM, _TWO_FROM = 4, 8
_MAX_TYPED = 64  # letters up to which mistakes are forgiven
_MAX_WORD = 32
_MAX_QUERIES = 10_000
MAX_QUERY = 1_000
"""Characters of a query that is remembered, or sent to a server."""
_LAST = chr(0x10FFFF)
_WORD = re.compile(r"[^\W\d_][^\W_]{2,}")


class Suggestion(NamedTuple):
    """How it may go on.

    Attributes
    ----------
    kind : "tag", "machine tag", "word", "query" or "key"
        The last is of the language itself; the catalog knows none.
    text : str
        A tag or word as written, a whole query, or a machine tag as far as it is known: ``exif:``, ``exif:model=``,
        ``exif:model="Canon EOS 5D"``.
    n : int
        How many tags or texts, of photos present or gone, have it; for a query, how often it was asked.
    n_edits : int
        Mistakes in what was typed: 0, 1 or 2.
    """

    kind: Kind
    text: str
    n: int
    n_edits: int


class Completion:
    """Suggestions from a catalog.

    Parameters
    ----------
    db : sqlite3.Connection
        Of the catalog. `remember` belongs inside of a transaction.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def suggest(self, typed: str, *, normalise: Callable[[str], str] = str.lower, limit: int = 10) -> list[Suggestion]:
        """List how `typed` may go on.

        Parameters
        ----------
        typed : str
            One item of a query, without sign and weight; whole queries are compared with it as well.
        normalise : callable
            Brings a text to the normal form of tags (lookalike.query.normalised).
        limit : int

        Returns
        -------
        list of Suggestion
            Those without mistakes first; of these what is typed in full, then what is most frequent.
        """
        typed = _composed(typed)
        if not typed.strip():
            return []
        folded = typed.lower()
        whole = (folded, normalise(typed.lstrip("#")))
        queries = "SELECT folded, 'query', '', text, n FROM {0} past_queries {1} ORDER BY n DESC, last_at DESC"
        terms = "SELECT term, kind, head, text, n FROM {0} vocabulary {1} ORDER BY n DESC"
        found = self._matching(queries, "folded", folded, limit)
        namespace, colon, rest = typed.partition(":")
        if colon:
            predicate, equals, value = rest.partition("=")
            head = f"{namespace}:{predicate}=" if equals else f"{namespace}:"
            below = normalise(value.strip('"')) if equals else predicate.lower()
            rows = self._db.execute(
                "SELECT kind, head, text, n FROM vocabulary WHERE head = ? AND term >= ? AND term < ? "
                "ORDER BY n DESC LIMIT ?",
                (head.lower(), below, below + _LAST, limit),
            )
            found += [_suggestion(row, 0) for row in rows]
        else:
            for form in dict.fromkeys(whole):
                found += self._matching(terms, "term", form, limit)
        best: dict[tuple[str, str], Suggestion] = {}
        for suggestion in sorted(found, key=lambda one: (one.n_edits, one.text.lower() not in whole, -one.n, one.text)):
            best.setdefault((suggestion.kind, suggestion.text), suggestion)
        return list(best.values())[:limit]

    def remember(self, query: str) -> None:
        """Keep a query that was asked; of more than 10,000 the oldest are forgotten. Very long ones are not kept."""
        query = " ".join(_composed(query.replace("\0", " ")).split())
        if not query or len(query) > MAX_QUERY:
            return
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        self._db.execute(
            "INSERT INTO past_queries VALUES (?, ?, 1, ?) "
            "ON CONFLICT DO UPDATE SET n = n + 1, last_at = excluded.last_at",
            (query, query.lower(), now),
        )
        n_over = self._db.execute("SELECT count(*) FROM past_queries").fetchone()[0] - _MAX_QUERIES
        if n_over > 0:
            self._db.execute(
                "DELETE FROM past_queries WHERE text IN (SELECT text FROM past_queries ORDER BY last_at LIMIT ?)",
                (n_over,),
            )

    def _matching(self, select: str, column: str, typed: str, limit: int) -> list[Suggestion]:
        """Find by prefix and, where that gives too few, by prefix with mistakes."""
        if not typed:
            return []
        statement = select.format("", f"WHERE {column} >= ? AND {column} < ?") + " LIMIT ?"
        rows = self._db.execute(statement, (typed, typed + _LAST, limit))
        found = [_suggestion(row[1:], 0) for row in rows]
        condition = f"WHERE {column} >= beginning.value AND {column} < beginning.value || '{_LAST}'"
        statement = select.format("json_each(?) AS beginning CROSS JOIN", condition) + " LIMIT ?"
        if len(found) < limit and _ONE_FROM <= len(typed) <= _MAX_TYPED:
            rows = self._db.execute(statement, (json.dumps(_edits(typed[:_VARIED], typed[_VARIED:])), 2 * limit))
            found += [_suggestion(row[1:], 1) for row in rows if not row[0].startswith(typed)]
        if not found and _TWO_FROM <= len(typed) <= _MAX_TYPED:
            statement = select.partition(" ORDER BY ")[0].format("json_each(?) AS beginning CROSS JOIN", condition)
            near = self._db.execute(statement, (json.dumps(_edits(typed[:_BEGINNING])),)).fetchall()
            n_edits = edits_to_prefixes(typed, (row[0] for row in near), 2)
            found += [_suggestion(row[1:], 2) for row, n in zip(near, n_edits, strict=True) if n <= 2]
        return found


def _suggestion(row: tuple[Kind, str, str, int], n_edits: int) -> Suggestion:
    kind, head, text, n = row
    return Suggestion(kind, head + (_quoted(text) if head.endswith("=") else text), n, n_edits)


def count_words(db: sqlite3.Connection, text: str, n_photos: int) -> None:
    """Add a photo's words to those that are suggested, or take them off.

    Parameters
    ----------
    db : sqlite3.Connection
    text : str
        Title, caption, keywords and creator in one.
    n_photos : int
        1 when the text is written, -1 before it is forgotten.
    """
    words = [(word,) for word in _words(text)]
    db.executemany(
        f"INSERT INTO vocabulary VALUES (?1, 'word', '', ?1, {int(n_photos)}) "
        "ON CONFLICT DO UPDATE SET n = n + excluded.n",
        words,
    )
    if n_photos < 0:
        db.executemany("DELETE FROM vocabulary WHERE term = ? AND kind = 'word' AND n <= 0", words)


def count_anew(db: sqlite3.Connection) -> None:
    """Count the words of every text, and every tag, in the catalog: for catalogs of before these were counted."""
    db.execute("DELETE FROM vocabulary")
    for row in db.execute("SELECT title, caption, keywords, creator FROM photo_text"):
        count_words(db, " ".join(part or "" for part in row), 1)
    for statement in (
        "SELECT tag, 'tag', '', max(raw), count(*) FROM tags GROUP BY tag",
        "SELECT namespace, 'machine tag', '', namespace || ':', count(*) FROM machine_tags GROUP BY namespace",
        "SELECT predicate, 'machine tag', namespace || ':', predicate || '=', count(*) FROM machine_tags "
        "GROUP BY namespace, predicate",
        "SELECT value, 'machine tag', namespace || ':' || predicate || '=', max(raw), count(*) FROM machine_tags "
        "WHERE namespace <> 'geo' GROUP BY namespace, predicate, value",
    ):
        db.execute(f"INSERT INTO vocabulary {statement}")


def _words(text: str) -> set[str]:
    return {word.lower()[:_MAX_WORD] for word in _WORD.findall(text)}


def _composed(text: str) -> str:
    """Letters in one piece (NFC), as words are kept; a Mac may give them in parts."""
    return unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode())


def _quoted(raw: str) -> str:
    if '"' in raw or any(character.isspace() for character in raw):
        return '"' + raw.replace('"', '""') + '"'
    return raw


def _edits(text: str, rest: str = "") -> list[str]:
    """List what differs from `text` by one edit or none, with `rest` behind it, none the beginning of another."""
    edits = {text}
    letters = sorted(set(text).union(*map(_alphabet, text)))
    for at in range(len(text)):
        edits.add(text[:at] + text[at + 1 :])
        edits.update(text[:at] + letter + text[at + 1 :] for letter in letters)
        edits.update(text[:at] + letter + text[at:] for letter in letters)
        edits.add(text[:at] + text[at + 1 : at + 2] + text[at] + text[at + 2 :])
    kept: list[str] = []
    for edit in sorted(edit + rest for edit in edits):
        if not kept or not edit.startswith(kept[-1]):
            kept.append(edit)
    return kept


@lru_cache(maxsize=256)
def _alphabet(letter: str) -> str:
    """List the letters that one may be mistaken for: the Latin ones, or those that share its 128 code points."""
    if letter.isascii() or letter in _LATIN:
        return _LATIN
    first = ord(letter) & ~127
    return "".join(other for other in map(chr, range(first, first + 128)) if other.isalpha() and not other.isupper())


def edits_to_prefixes(typed: str, terms: Iterable[str], at_most: int) -> Iterator[int]:
    """Count, for each term, the edits from `typed` to its nearest beginning: letters more, less, other, or exchanged.

    Damerau's distance (optimal alignment), a row for each letter of a term, of which only the cells near the diagonal
    can be small; rows of the beginning that a term shares with the one before are used again, so that terms are best
    given in the order of the alphabet.

    Yields
    ------
    int
        `at_most` + 1 where it is more.
    """
    size, too_many = len(typed), at_most + 1
    rows = [[min(at, too_many) for at in range(size + 1)]]
    before = ""
    for term in terms:
        n_shared = 0
        for one, other in zip(before, term, strict=False):
            if one != other:
                break
            n_shared += 1
        before = term
        del rows[n_shared + 1 :]
        n_read = len(rows) - 1
        while n_read < min(len(term), size + at_most) and (min(rows[-1]) <= at_most or min(rows[-2]) < at_most):
            letter = term[n_read]
            last = rows[-1]
            n_read += 1
            row = [too_many] * (size + 1)
            if n_read <= at_most:
                row[0] = n_read
            for at in range(max(0, n_read - 1 - at_most), min(size, n_read + at_most)):
                cost = last[at]
                if typed[at] != letter:
                    other_way = row[at] if row[at] < last[at + 1] else last[at + 1]
                    cost = 1 + (cost if cost < other_way else other_way)
                    if at and n_read > 1 and typed[at - 1] == letter and typed[at] == term[n_read - 2]:
                        cost = min(cost, rows[n_read - 2][at - 1] + 1)
                row[at + 1] = cost if cost < too_many else too_many
            rows.append(row)
        yield min(row[-1] for row in rows)
