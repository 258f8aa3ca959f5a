"""Machine tags: ``namespace:predicate=value``, and patterns with wildcards that find them.

Flickr's syntax of 2007: namespace and predicate begin with a letter, followed by letters, digits and underscores; the
value is anything, in double quotes or not. Tags are compared in their normal form (lookalike.query.normalisation); in
a pattern ``*`` stands for any namespace or predicate, and ``*`` or nothing for any value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lookalike.errors import InvalidArgumentError
from lookalike.query.normalisation import normalised

__all__ = ["MachineTag", "MachineTagPattern"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_TAG = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*):([A-Za-z][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_PATTERN = re.compile(r"\s*(\*|[A-Za-z][A-Za-z0-9_]*):(\*|[A-Za-z][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_UNWRITABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class MachineTag:
    """A tag for programs and people: a value with a name that tells what it is.

    Attributes
    ----------
    namespace, predicate : str
        A letter, then letters, digits and underscores (ASCII).
    value : str
        Not empty; as written.

    Raises
    ------
    InvalidArgumentError
        A part is not as above, or holds NUL or half a surrogate pair.

    Examples
    --------
    >>> tag = MachineTag.parse('dopplr:eat="San Francisco"')
    >>> tag
    MachineTag(namespace='dopplr', predicate='eat', value='San Francisco')
    >>> print(tag, tag.normalised)
    dopplr:eat="San Francisco" dopplr:eat=sanfrancisco
    """

    namespace: str
    predicate: str
    value: str

    def __post_init__(self) -> None:
        for name in ("namespace", "predicate"):
            _check_name(getattr(self, name), name)
        _check_value(self.value)

    @classmethod
    def parse(cls, text: str) -> MachineTag | None:
        """Read a machine tag; None where `text` is none.

        Parameters
        ----------
        text : str
            The whole tag: without quotes, the value goes on to the end, white space inside it included.
        """
        match = _TAG.fullmatch(text)
        if match is None:
            return None
        value = _unquoted(match[3])
        return None if not value.strip() or _UNWRITABLE.search(value) else cls(match[1], match[2], value)

    def __str__(self) -> str:
        return f"{self.namespace}:{self.predicate}={_quoted(self.value)}"

    @property
    def normalised(self) -> MachineTag:
        """The form in which it is compared: small letters, no white space and punctuation in the value."""
        return MachineTag(self.namespace.lower(), self.predicate.lower(), normalised(self.value) or self.value)


@dataclass(frozen=True, slots=True)
class MachineTagPattern:
    """What machine tags are looked for; None stands for anything.

    Attributes
    ----------
    namespace, predicate, value : str or None
        As in `MachineTag`.

    Examples
    --------
    >>> anywhere = MachineTagPattern.parse("*:*=sanfrancisco")
    >>> anywhere.matches(MachineTag("dopplr", "eat", "San Francisco"))
    True
    >>> print(MachineTagPattern("geo", "lat"), MachineTagPattern("exif"))
    geo:lat= exif:*=
    """

    namespace: str | None = None
    predicate: str | None = None
    value: str | None = None

    def __post_init__(self) -> None:
        for name in ("namespace", "predicate"):
            if getattr(self, name) is not None:
                _check_name(getattr(self, name), name)
        if self.value is not None:
            _check_value(self.value)

    @classmethod
    def parse(cls, text: str) -> MachineTagPattern | None:
        """Read a pattern: ``exif:*=``, ``*:*=sanfrancisco``, ``geo:lat=``; None where `text` is none."""
        match = _PATTERN.fullmatch(text)
        return None if match is None else cls.of_parts(match[1], match[2], match[3])

    @classmethod
    def of_parts(cls, namespace: str, predicate: str, value: str) -> MachineTagPattern | None:
        """Make a pattern of its three parts as written: ``*`` for anything, the value perhaps in quotes or empty."""
        bare = value.strip()
        value = _unquoted(value)
        if _UNWRITABLE.search(value):
            return None
        return cls(
            None if namespace == "*" else namespace,
            None if predicate == "*" else predicate,
            None if bare == "*" or not value.strip() else value,
        )

    def __str__(self) -> str:
        value = "" if self.value is None else '"*"' if self.value == "*" else _quoted(self.value)
        return f"{self.namespace or '*'}:{self.predicate or '*'}={value}"

    @property
    def normalised(self) -> MachineTagPattern:
        """The form in which tags are compared with it."""
        return MachineTagPattern(
            self.namespace and self.namespace.lower(),
            self.predicate and self.predicate.lower(),
            self.value and (normalised(self.value) or self.value),
        )

    def matches(self, tag: MachineTag) -> bool:
        """Tell whether every part that is given is the tag's, in normal form."""
        wanted, given = self.normalised, tag.normalised
        return (
            wanted.namespace in (None, given.namespace)
            and wanted.predicate in (None, given.predicate)
            and wanted.value in (None, given.value)
        )


def _check_name(text: str, name: str) -> None:
    if not _NAME.fullmatch(text):
        raise InvalidArgumentError(
            f"The {name} of a machine tag is {text!r}; expected a letter, then letters, digits and underscores."
        )


def _check_value(value: str) -> None:
    if not value.strip() or _UNWRITABLE.search(value):
        raise InvalidArgumentError(f"The value of a machine tag is {value!r}; expected a text that is not empty.")


def _unquoted(value: str) -> str:
    """Take off white space and quotes around a value; two quotes inside are one."""
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return value[1:-1].replace('""', '"')
    return value


def _quoted(value: str) -> str:
    if any(character.isspace() for character in value) or value.startswith('"'):
        return '"' + value.replace('"', '""') + '"'
    return value
