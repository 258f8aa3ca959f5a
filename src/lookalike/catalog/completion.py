"""How what is being typed may go on: tags, machine tags, words of captions, and earlier queries.

By prefix, and with mistakes: one from four letters on, two from eight. Every term that a mistake can hide has a beginning that
differs by one edit (a letter more, less, other, or two exchanged) from the first four letters typed; these few hundred
beginnings are looked up in the indexes of the tables at once, and what they find is compared with all that was typed.
Two mistakes among the first four letters are not forgiven. Nothing is kept in memory: all is in SQLite's B-trees.

Words are kept as they are written (`Words`), for the full text knows their stems only.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal, NamedTuple

__all__ = ["COMPLETION", "Completion", "Kind", "Suggestion", "count_words", "count_words_anew", "edits_to_prefix"]

Kind = Literal["tag", "machine tag", "word", "query"]

COMPLETION = """
CREATE TABLE words (
    word     TEXT PRIMARY KEY,
    n_photos INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE past_queries (
    text    TEXT PRIMARY KEY,
    folded  TEXT NOT NULL,
    n       INTEGER NOT NULL,
    last_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX past_queries_by_folded ON past_queries (folded);
"""

_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_BEGINNING = 4  # letters of which one may be wrong
_ONE_FROM, _TWO_FROM = 4, 8
_MAX_TYPED = 64
_MAX_WORD = 32
_MAX_QUERIES = 10_000
_MAX_QUERY = 1_000  # characters
_LAST = chr(0x10FFFF)
_WORD = re.compile(r"[^\W\d_][^\W_]{2,}")


class Suggestion(NamedTuple):
    """How it may go on.

    Attributes
    ----------
    kind : "tag", "machine tag", "word" or "query"
    text : str
        A tag or word as written, a whole query, or a machine tag as far as it is known: ``exif:``, ``exif:model=``,
        ``exif:model="Canon EOS 5D"``.
    n : int
        Photos that have it, of all that were ever added; for a query, how often it was asked.
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
            One item of a query, without sign and weight; whole queries are compared with it too.
        normalise : callable
            Brings a text to the normal form of tags (lookalike.query.normalised).
        limit : int

        Returns
        -------
        list of Suggestion
            Those without mistakes first, then those with the most photos.
        """
        typed = typed.encode("utf-8", "replace").decode()[:_MAX_TYPED]
        if not typed.strip():
            return []
        folded, tag = typed.lower(), normalise(typed.lstrip("#"))
        found = self._of_machine_tags(folded, normalise, limit)
        tags = "SELECT tag, max(raw), count(*) AS n FROM {0} tags {1} GROUP BY tag ORDER BY n DESC"
        found += self._matching("tag", tags, "tag", tag, limit)
        words = "SELECT word, word, n_photos AS n FROM {0} words {1} ORDER BY n DESC"
        found += self._matching("word", words, "word", folded, limit)
        queries = "SELECT folded, text, n FROM {0} past_queries {1} ORDER BY n DESC, last_at DESC"
        found += self._matching("query", queries, "folded", folded, limit)
        best: dict[tuple[Kind, str], Suggestion] = {}
        for suggestion in sorted(found, key=lambda one: (one.n_edits, -one.n, one.text)):
            best.setdefault((suggestion.kind, suggestion.text), suggestion)
        return list(best.values())[:limit]

    def remember(self, query: str) -> None:
        """Keep a query that was asked; of more than 10,000 the oldest are forgotten. Very long ones are not kept."""
        query = " ".join(query.replace("\0", " ").encode("utf-8", "replace").decode().split())
        if not query or len(query) > _MAX_QUERY:
            return
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        self._db.execute(
            "INSERT INTO past_queries VALUES (?, ?, 1, ?) ON CONFLICT DO UPDATE SET n = n + 1, last_at = excluded.last_at",
            (query, query.lower(), now),
        )
        n_over = self._db.execute("SELECT count(*) FROM past_queries").fetchone()[0] - _MAX_QUERIES
        if n_over > 0:
            self._db.execute(
                "DELETE FROM past_queries WHERE text IN (SELECT text FROM past_queries ORDER BY last_at LIMIT ?)",
                (n_over,),
            )

    def forget(self, query: str | None = None) -> None:
        """Forget a query, or all."""
        self._db.execute("DELETE FROM past_queries WHERE text = ifnull(?, text)", (query,))

    def _matching(self, kind: Kind, select: str, column: str, typed: str, limit: int) -> list[Suggestion]:
        """Find by prefix and, where that gives too few, by prefix with mistakes."""
        if not typed:
            return []
        statement = select.format("", f"WHERE {column} >= ? AND {column} < ?") + " LIMIT ?"
        found = [
            Suggestion(kind, text, n, 0) for _, text, n in self._db.execute(statement, (typed, typed + _LAST, limit))
        ]
        n_allowed = (len(typed) >= _ONE_FROM) + (len(typed) >= _TWO_FROM)
        if len(found) >= limit or not n_allowed:
            return found
        beginnings = "json_each(?) AS beginning CROSS JOIN"
        condition = f"WHERE {column} >= beginning.value AND {column} < beginning.value || '{_LAST}'"
        statement = select.format(beginnings, condition)
        for folded, text, n in self._db.execute(statement, (json.dumps(_beginnings(typed[:_BEGINNING])),)):
            n_edits = edits_to_prefix(typed, folded, n_allowed)
            if 0 < n_edits <= n_allowed:
                found.append(Suggestion(kind, text, n, n_edits))
        return found

    def _of_machine_tags(self, typed: str, normalise: Callable[[str], str], limit: int) -> list[Suggestion]:
        namespace, colon, rest = typed.partition(":")
        predicate, equals, value = rest.partition("=")
        if equals:
            rows = self._db.execute(
                "SELECT namespace, predicate, max(raw), count(*) AS n FROM machine_tags WHERE namespace = ? AND predicate = ? "
                "AND value >= ? AND value < ? GROUP BY value ORDER BY n DESC LIMIT ?",
                (namespace, predicate, folded := normalise(value.strip('"')), folded + _LAST, limit),
            )
            return [Suggestion("machine tag", f"{row[0]}:{row[1]}={_quoted(row[2])}", row[3], 0) for row in rows]
        if colon:
            rows = self._db.execute(
                "SELECT namespace, predicate, count(*) AS n FROM machine_tags WHERE namespace = ? AND predicate >= ? "
                "AND predicate < ? GROUP BY predicate ORDER BY n DESC LIMIT ?",
                (namespace, predicate, predicate + _LAST, limit),
            )
            return [Suggestion("machine tag", f"{row[0]}:{row[1]}=", row[2], 0) for row in rows]
        names = "SELECT namespace, namespace || ':', count(*) AS n FROM {0} machine_tags {1} GROUP BY namespace ORDER BY n DESC"
        found = self._matching("machine tag", names, "namespace", typed, limit)
        names = (
            "SELECT predicate, namespace || ':' || predicate || '=', count(*) AS n FROM {0} machine_tags {1} "
            "GROUP BY predicate, namespace ORDER BY n DESC"
        )
        found += self._matching("machine tag", names, "predicate", typed, limit)
        values = (
            "SELECT value, namespace || ':' || predicate || '=' || CASE WHEN raw GLOB '*[ \"]*' "
            "THEN '\"' || replace(max(raw), '\"', '\"\"') || '\"' ELSE max(raw) END, count(*) AS n FROM {0} machine_tags {1} "
            "GROUP BY value, namespace, predicate ORDER BY n DESC"
        )
        return found + self._matching("machine tag", values, "value", normalise(typed), limit)


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
    db.executemany(
        "INSERT INTO words VALUES (?, ?) ON CONFLICT DO UPDATE SET n_photos = n_photos + excluded.n_photos",
        ((word, n_photos) for word in _words(text)),
    )
    if n_photos < 0:
        db.executemany("DELETE FROM words WHERE word = ? AND n_photos <= 0", ((word,) for word in _words(text)))


def count_words_anew(db: sqlite3.Connection) -> None:
    """Count the words of every text in the catalog: for catalogs of before these were counted."""
    counts: dict[str, int] = {}
    for row in db.execute("SELECT title, caption, keywords, creator FROM photo_text"):
        for word in _words(" ".join(part or "" for part in row)):
            counts[word] = counts.get(word, 0) + 1
    db.execute("DELETE FROM words")
    db.executemany("INSERT INTO words VALUES (?, ?)", sorted(counts.items()))


def _words(text: str) -> set[str]:
    return {word.lower()[:_MAX_WORD] for word in _WORD.findall(text)}


def _quoted(raw: str) -> str:
    if '"' in raw or any(character.isspace() for character in raw):
        return '"' + raw.replace('"', '""') + '"'
    return raw


def _beginnings(text: str) -> list[str]:
    """List `text` and all that differ from it by one edit, none the beginning of another."""
    edits = {text}
    letters = sorted(set(_LETTERS) | set(text))
    for at in range(len(text)):
        edits.add(text[:at] + text[at + 1 :])
        edits.update(text[:at] + letter + text[at + 1 :] for letter in letters)
        edits.update(text[:at] + letter + text[at:] for letter in letters)
        edits.add(text[:at] + text[at + 1 : at + 2] + text[at] + text[at + 2 :])
    kept: list[str] = []
    for edit in sorted(edits):
        if not kept or not edit.startswith(kept[-1]):
            kept.append(edit)
    return kept


def edits_to_prefix(typed: str, term: str, at_most: int) -> int:
    """Count the edits from `typed` to the nearest beginning of `term`: letters more, less, other, or exchanged.

    Returns
    -------
    int
        `at_most` + 1 where it is more.
    """
    # Damerau's distance (optimal alignment), by rows of `term`'s letters; cells off the diagonal by more cost more.
    before: list[int] = []
    row = list(range(len(typed) + 1))
    best = row[-1]
    previous = ""
    for n_read, letter in enumerate(term[: len(typed) + at_most], 1):
        last, row, older = row, [n_read], before
        for at, wanted in enumerate(typed):
            cost = last[at] if wanted == letter else 1 + min(last[at], row[at], last[at + 1])
            if at and older and wanted == previous and typed[at - 1] == letter:
                cost = min(cost, older[at - 1] + 1)
            row.append(cost)
        best = min(best, row[-1])
        if min(row) > at_most and min(last) > at_most:
            break
        before, previous = last, letter
    return min(best, at_most + 1)

