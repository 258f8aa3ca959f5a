"""Every error that Lookalike raises on purpose.

Each class also derives from the built-in error it resembles, so ``except LookupError`` and
``except LookalikeError`` both work. A message says what was given, what was expected, and how to mend it.

::

    LookalikeError
    ├── InvalidArgumentError (ValueError)       an argument has the wrong shape, dtype, range or combination
    │   └── QueryError                          a query uses one of our keys with a value that cannot be
    ├── UnknownPhotoError (LookupError)         no such photo in the collection
    ├── UnknownTagError (LookupError)           no photo of the collection has the tag
    ├── UnknownFilterError (LookupError)        no filter of that name was taught
    ├── PhotoGoneError (FileNotFoundError)      every file of a photo has gone from the disk
    ├── UnknownEncoderError (LookupError)       no encoder of that name, or its package is not installed
    ├── EncoderError (RuntimeError)             an encoder's files are damaged, altered or do not fit their card
    ├── PhotoError (ValueError)                 one photo cannot be read; never stops a run
    │   ├── UnsupportedPhotoError               not a format that can be decoded here
    │   ├── DamagedPhotoError                   the file ends early or its data are wrong
    │   └── PhotoTooLargeError                  more bytes or pixels, or more seconds, than the limits admit
    ├── FormatError (ValueError)                a file of ours is damaged, or newer than this version
    │   └── NewerVersionError                   newer than this version (of collections and live indexes)
    ├── LiveIndexError (RuntimeError)           a live index cannot be read or written: no space, read-only, closed
    │   └── IndexLockedError                    another process is writing to it
    ├── CollectionError (RuntimeError)          the directory cannot serve as a collection
    │   ├── NotACollectionError (FileNotFoundError)
    │   └── CollectionLockedError               another process is writing to it
    └── ServerError (RuntimeError)              the server cannot start: port taken, page not built
"""

from __future__ import annotations

__all__ = [
    "CollectionError",
    "CollectionLockedError",
    "DamagedPhotoError",
    "EncoderError",
    "FormatError",
    "IndexLockedError",
    "InvalidArgumentError",
    "LiveIndexError",
    "LookalikeError",
    "NewerVersionError",
    "NotACollectionError",
    "PhotoError",
    "PhotoGoneError",
    "PhotoTooLargeError",
    "QueryError",
    "ServerError",
    "UnknownEncoderError",
    "UnknownFilterError",
    "UnknownPhotoError",
    "UnknownTagError",
    "UnsupportedPhotoError",
]


class LookalikeError(Exception):
    """Root of the tree."""


class InvalidArgumentError(LookalikeError, ValueError):
    """An argument has the wrong shape, dtype, range or combination."""


class QueryError(InvalidArgumentError):
    """A query uses one of our keys with a value that cannot be.

    Attributes
    ----------
    position : int
        Where in the text it begins: characters before it.
    """

    def __init__(self, message: str, position: int = 0) -> None:
        super().__init__(message)
        self.position = position


class UnknownPhotoError(LookalikeError, LookupError):
    """No such photo in the collection."""


class UnknownTagError(LookalikeError, LookupError):
    """No photo of the collection has the tag."""


class UnknownFilterError(LookalikeError, LookupError):
    """No filter of that name was taught."""


class PhotoGoneError(LookalikeError, FileNotFoundError):
    """The photo is known, but every file that held it has gone from the disk."""


class UnknownEncoderError(LookalikeError, LookupError):
    """No encoder of that name, or the package it needs is not installed."""


class EncoderError(LookalikeError, RuntimeError):
    """An encoder's files are damaged, altered, or do not fit their card."""


class PhotoError(LookalikeError, ValueError):
    """One photo cannot be read. The run goes on; the photo is listed with this reason."""


class UnsupportedPhotoError(PhotoError):
    """Not a format that can be decoded here."""


class DamagedPhotoError(PhotoError):
    """The file ends early, or its data are wrong."""


class PhotoTooLargeError(PhotoError):
    """More bytes, pixels or seconds than the limits admit."""


class FormatError(LookalikeError, ValueError):
    """A file of ours is damaged, or was written by a newer version."""


class NewerVersionError(FormatError):
    """A collection or a live index was written by a newer version of Lookalike."""


class LiveIndexError(LookalikeError, RuntimeError):
    """A live index cannot be read or written: no space, a read-only place, closed already."""


class IndexLockedError(LiveIndexError):
    """Another process is writing to the live index."""


class CollectionError(LookalikeError, RuntimeError):
    """The directory cannot serve as a collection."""


class NotACollectionError(CollectionError, FileNotFoundError):
    """There is no collection at that path."""


class CollectionLockedError(CollectionError):
    """Another process is writing to the collection."""


class ServerError(LookalikeError, RuntimeError):
    """The server cannot start."""
