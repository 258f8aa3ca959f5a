"""Machine tags: Flickr's syntax, the form in which they are compared, and patterns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import InvalidArgumentError
from lookalike.query import MachineTag, MachineTagPattern, normalised

names = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,5}", fullmatch=True)
values = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1).filter(str.strip)
values = values | st.sampled_from(['"', '""', '"a" b', " a ", "*"])
tags = st.builds(MachineTag, names, names, values)
patterns = st.builds(MachineTagPattern, st.none() | names, st.none() | names, st.none() | values)


@given(tags)
def test_a_tag_that_is_written_reads_back_equal(tag: MachineTag) -> None:
    assert MachineTag.parse(str(tag)) == tag


@given(patterns)
def test_a_pattern_that_is_written_reads_back_equal(pattern: MachineTagPattern) -> None:
    assert MachineTagPattern.parse(str(pattern)) == pattern


@given(st.text(st.characters()) | st.builds("{}:{}={}".format, names, names, st.text(st.characters())))
def test_any_text_is_a_tag_or_none(text: str) -> None:
    tag, pattern = MachineTag.parse(text), MachineTagPattern.parse(text)
    if tag is not None:
        assert pattern is not None
        assert tag.value == "*" or pattern.matches(tag)


@given(st.text(st.characters()))
def test_normalising_again_changes_nothing(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("San Francisco", "sanfrancisco"),
        ("san-francisco", "sanfrancisco"),
        ("Straße", "strasse"),
        ("c++", "c++"),
        ("C#", "c"),
        ("***", "***"),
        ("-122.4", "-122.4"),
        ("1.2.3", "123"),
        ("ﬁsh", "fish"),
        (" \0", ""),
    ],
)
def test_tags_are_compared_without_case_space_and_punctuation(text: str, expected: str) -> None:
    assert normalised(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("geo:lat=52.5", ("geo", "lat", "52.5")),
        ('dopplr:eat="San Francisco"', ("dopplr", "eat", "San Francisco")),
        (" dc:title=two words ", ("dc", "title", "two words")),
        ("a:b=c:d=e", ("a", "b", "c:d=e")),
        ("upcoming:event_id=1", ("upcoming", "event_id", "1")),
        *((text, None) for text in ["a:b", "a:b=", "1a:b=c", "a:2=c", "_a:b=c", "a b:c=d"]),
        *((text, None) for text in ["é:b=c", "*:b=c", "=", "a:b=\0"]),
    ],
)
def test_tags_are_read_as_flickr_read_them(text: str, expected: tuple[str, str, str] | None) -> None:
    tag = MachineTag.parse(text)
    assert (tag and (tag.namespace, tag.predicate, tag.value)) == expected


TAG = MachineTag("Dopplr", "eat", "San Francisco")


@pytest.mark.parametrize(
    "text", ["*:*=sanfrancisco", "dopplr:*=", "dopplr:eat=", "*:eat=*", 'DOPPLR:EAT="san francisco"', "*:*="]
)
def test_a_pattern_finds_what_each_part_allows(text: str) -> None:
    pattern = MachineTagPattern.parse(text)
    assert pattern is not None
    assert pattern.matches(TAG)


@pytest.mark.parametrize("text", ["*:*=san", "exif:*=", "dopplr:drink=", '*:*="*"'])
def test_a_pattern_leaves_out_what_one_part_forbids(text: str) -> None:
    pattern = MachineTagPattern.parse(text)
    assert pattern is not None
    assert not pattern.matches(TAG)


@pytest.mark.parametrize("parts", [("1", "b", "c"), ("a", "", "c"), ("a", "b", " "), ("a", "b", "\0")])
def test_a_tag_that_is_none_is_refused(parts: tuple[str, str, str]) -> None:
    with pytest.raises(InvalidArgumentError):
        MachineTag(*parts)
