"""What a file says of camera and place, as machine tags."""

from lookalike.collection.file_tags import exif_tags, plain_tags
from lookalike.photos import PhotoFacts


def test_facts_become_machine_tags() -> None:
    facts = PhotoFacts(
        camera="Apple iPhone 12",
        make="Apple",
        model="iPhone 12",
        lens="50mm f/1.8",
        focal_length_mm=50.0,
        f_number=1.8,
        exposure_seconds=0.0005,
        iso=200,
        latitude=-33.9,
        longitude=151.2093,
        keywords=("beach", "dopplr:eat=San Francisco"),
    )
    assert [str(tag) for tag in exif_tags(facts)] == [
        "exif:make=Apple",
        'exif:model="iPhone 12"',
        'exif:lens="50mm f/1.8"',
        "exif:focallength=50",
        "exif:fnumber=1.8",
        "exif:exposure=0.0005",
        "exif:iso=200",
        "geo:lat=-33.9",
        "geo:lon=151.2093",
        'dopplr:eat="San Francisco"',
    ]
    assert exif_tags(PhotoFacts()) == []


def test_keywords_keep_no_characters_that_turn_the_direction() -> None:
    facts = PhotoFacts(keywords=("\u202eBarn\u202c", "dopplr:eat=\u2066Oslo\u2069"))
    assert plain_tags(facts) == [("barn", "Barn")]
    assert [str(tag) for tag in exif_tags(facts)] == ["dopplr:eat=Oslo"]
