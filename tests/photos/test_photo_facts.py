"""Facts are found wherever photo software puts them, by its precedence; nonsense is dropped and nothing raises."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lookalike.errors import FormatError
from lookalike.photos import PhotoFacts, read_photo, read_sidecar
from lookalike.photos.exif import read_exif
from lookalike.photos.facts import iso_time
from lookalike.photos.iptc import iptc_facts, iptc_of_photoshop
from lookalike.photos.xmp import xmp_facts

MakeTiff = Callable[..., bytes]
NAMESPACES = (
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:exif="http://ns.adobe.com/exif/1.0/" '
    'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:aux="http://ns.adobe.com/exif/1.0/aux/" '
    'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
    'xmlns:exifEX="http://cipa.jp/exif/1.0/"'
)


def xmp(inside: str, attributes: str = "") -> bytes:
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {NAMESPACES} {attributes}>{inside}</rdf:Description>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def iptc(*datasets: tuple[int, int, bytes]) -> bytes:
    return b"".join(
        b"\x1c" + struct.pack(">BBH", record, number, len(text)) + text for record, number, text in datasets
    )


def photoshop(records: bytes) -> bytes:
    return b"8BIM\x04\x04\0\0" + struct.pack(">I", len(records)) + records + b"\0" * (len(records) % 2)


@pytest.fixture
def camera_exif(make_tiff: MakeTiff) -> bytes:
    return make_tiff(
        [
            (0x010F, 2, b"NIKON CORPORATION\0"),
            (0x0110, 2, b"NIKON D70\0\0\0"),
            (0x010E, 2, "Grüße".encode() + b"\0"),
            (0x013B, 2, b"Ren\xe9\0"),
            (0x8298, 2, b"(c) R\0ed\0"),
            (0x9C9B, 1, "Titel".encode("utf-16-le") + b"\0\0"),
            (0x9C9E, 1, "Baum; Haus;baum".encode("utf-16-le")),
            (0x8769, 4, ("ifd", 1)),
            (0x8825, 4, ("ifd", 2)),
        ],
        [
            (0x9003, 2, b"2004:06:17 08:30:01\0"),
            (0x9011, 2, b"+02:00\0"),
            (0x829A, 5, [(1, 250)]),
            (0x829D, 5, [(28, 10)]),
            (0x920A, 5, [(500, 10)]),
            (0x8827, 3, [400]),
            (0xA434, 2, b"AF Nikkor 50mm f/1.8\0"),
        ],
        [
            (1, 2, b"S\0"),
            (2, 5, [(33, 1), (51, 1), (3528, 100)]),
            (3, 2, b"E\0"),
            (4, 5, [(151, 1), (12, 1), (4000, 100)]),
        ],
    )


def test_exif_tells_what_the_camera_knew(camera_exif: bytes) -> None:
    facts = read_exif(camera_exif).facts()
    assert facts == PhotoFacts(
        taken_at="2004-06-17T08:30:01+02:00",
        camera="NIKON D70",
        lens="AF Nikkor 50mm f/1.8",
        latitude=-33.8598,
        longitude=151.2111111,
        title="Titel",
        caption="Grüße",
        keywords=("Baum", "Haus"),
        creator="René",
        copyright="(c) R ed",
        focal_length_mm=50.0,
        f_number=2.8,
        exposure_seconds=0.004,
        iso=400,
        make="NIKON CORPORATION",
        model="NIKON D70",
    )


def test_exif_is_read_from_the_photo_it_is_in(
    camera_exif: bytes, picture: Image.Image, save: Callable[..., bytes]
) -> None:
    for format_ in ("JPEG", "PNG", "WEBP", "AVIF"):
        prefix = b"Exif\0\0" if format_ == "JPEG" else b""
        assert read_photo(save(picture, format_, exif=prefix + camera_exif)).facts.camera == "NIKON D70", format_


def test_what_stands_behind_the_pixels_of_a_png_is_read_too(
    make_tiff: MakeTiff, picture: Image.Image, save: Callable[..., bytes]
) -> None:
    exif = make_tiff([(0x0110, 2, b"NIKON D70\0"), (0x0112, 3, [6])])
    packet = b"XML:com.adobe.xmp" + bytes(5) + xmp("<dc:subject><rdf:Bag><rdf:li>barn</rdf:li></rdf:Bag></dc:subject>")
    data, appended = save(picture, "PNG"), b""
    for name, content in ((b"eXIf", exif), (b"iTXt", packet)):
        checksum = zlib.crc32(name + content)
        appended += struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)
    photo = read_photo(data[:-12] + appended + data[-12:])  # before IEND, as ExifTool writes
    assert (photo.facts.camera, photo.facts.keywords) == ("NIKON D70", ("barn",))
    assert (photo.width, photo.height) == picture.size[::-1] == photo.image.size


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"ASCII\0\0\0Red barn   \0", "Red barn"),
        (b"UNICODE\0" + "Łódź".encode("utf-16-le"), "Łódź"),
        (b"UNICODE\0" + "Red barn".encode("utf-16-be"), "Red barn"),
        (b"UNICODE\0" + "Łódź".encode("utf-16"), "Łódź"),
        (b"JIS\0\0\0\0\0" + "桜".encode("iso2022_jp"), "桜"),
        (b"\0" * 8 + "Łódź".encode(), "Łódź"),
        (b"\0" * 40, None),
        (b"ASCII\0\0\0", None),
        (b"short", None),
    ],
)
def test_user_comments_are_read_in_every_encoding(make_tiff: MakeTiff, raw: bytes, expected: str | None) -> None:
    data = make_tiff([(0x010E, 2, b"OLYMPUS DIGITAL CAMERA         \0"), (0x8769, 4, ("ifd", 1))], [(0x9286, 7, raw)])
    assert read_exif(data).facts().caption == expected


@pytest.mark.parametrize(
    "gps",
    [
        [(1, 2, b"N\0"), (2, 5, [(0, 0), (0, 0), (0, 0)]), (3, 2, b"E\0"), (4, 5, [(0, 0), (0, 0), (0, 0)])],
        [(1, 2, b"N\0"), (2, 5, [(0, 1), (0, 1), (0, 1)]), (3, 2, b"E\0"), (4, 5, [(0, 1), (0, 1), (0, 1)])],
        [(1, 2, b"N\0"), (2, 5, [(4_000_000_000, 1)] * 3), (3, 2, b"E\0"), (4, 5, [(1, 1)] * 3)],
        [(2, 5, [(45, 1), (0, 1), (0, 1)]), (4, 5, [(7, 1), (0, 1), (0, 1)])],
        [(1, 2, b"N\0"), (2, 12, [float("nan")] * 3), (3, 2, b"E\0"), (4, 12, [float("inf")] * 3)],
        [(1, 2, b"N\0"), (2, 5, [(45, 1)] * 3), (3, 2, b"E\0")],
        [(1, 2, b"N\0"), (2, 5, [(45, 1)] * 3), (3, 2, b"E\0"), (4, 5, [(7, 1)] * 3), (9, 2, b"V\0")],
    ],
)
def test_positions_without_sense_are_dropped(make_tiff: MakeTiff, gps: list[object]) -> None:
    facts = read_exif(make_tiff([(0x8825, 4, ("ifd", 1))], gps)).facts()
    assert (facts.latitude, facts.longitude) == (None, None)


def test_a_position_in_decimal_minutes_without_seconds_is_read(make_tiff: MakeTiff) -> None:
    gps = [(1, 2, b"N\0"), (2, 5, [(45, 1), (3030, 100), (0, 0)]), (3, 2, b"W\0"), (4, 5, [(7, 1), (30, 1), (0, 0)])]
    facts = read_exif(make_tiff([(0x8825, 4, ("ifd", 1))], gps)).facts()
    assert (facts.latitude, facts.longitude) == (45.505, -7.5)


def test_numbers_without_sense_are_dropped(make_tiff: MakeTiff) -> None:
    numbers = [(0x829A, 5, [(1, 0)]), (0x829D, 5, [(0, 1)]), (0x920A, 10, [(-50, 1)]), (0x8827, 3, [0])]
    facts = read_exif(make_tiff([(0x8769, 4, ("ifd", 1))], numbers)).facts()
    assert facts == PhotoFacts()


def test_an_iso_beyond_16_bits_is_found_in_its_other_tag(make_tiff: MakeTiff) -> None:
    data = make_tiff([(0x8769, 4, ("ifd", 1))], [(0x8827, 3, [65_535]), (0x8832, 4, [102_400])])
    assert read_exif(data).facts().iso == 102_400


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024:05:01 12:34:56", "2024-05-01T12:34:56"),
        ("2024-05-01T12:34:56Z", "2024-05-01T12:34:56+00:00"),
        ("2024-05-01T12:34:56.789-0330", "2024-05-01T12:34:56-03:30"),
        ("2024-05-01T12:34", "2024-05-01T12:34:00"),
        ("2024:05:01", "2024-05-01"),
        ("1889", "1889"),
        ("1985:00:00 00:00:00", "1985"),
        ("1985-06-00", "1985-06"),
        ("1985:00:17", "1985"),
        ("0000:00:00 00:00:00", None),
        ("    :  :     :  :  ", None),
        ("2024:02:30 12:00:00", None),
        ("2024:05:01 24:61:00", None),
        ("1066:10:14 09:00:00", None),
        ("9999:99:99 99:99:99", None),
        ("", None),
        ("yesterday", None),
        ("٢٠٢٤:٠٥:٠١", None),
    ],
)
def test_times_become_iso_8601_or_nothing(text: str, expected: str | None) -> None:
    assert iso_time(text) == expected


def test_an_iptc_date_of_which_the_year_is_known_is_kept() -> None:
    assert iptc_facts(iptc((2, 55, b"19850000"), (2, 60, b"000000+0000"))).taken_at == "1985"


@pytest.mark.parametrize(
    ("make", "model", "expected"),
    [
        (b"Canon", b"Canon EOS 5D", "Canon EOS 5D"),
        (b"Apple", b"iPhone 15", "Apple iPhone 15"),
        (b"", b"X100", "X100"),
        (b"Leica", b"   ", "Leica"),
        (b"\0\0", b"\0", None),
    ],
)
def test_the_maker_is_not_repeated(make_tiff: MakeTiff, make: bytes, model: bytes, expected: str | None) -> None:
    assert read_exif(make_tiff([(0x010F, 2, make + b"\0"), (0x0110, 2, model + b"\0")])).facts().camera == expected


def test_xmp_is_read_from_attributes_elements_and_lists() -> None:
    facts = xmp_facts(
        xmp(
            "<dc:title><rdf:Alt><rdf:li xml:lang='de'>Kirschbaum</rdf:li>"
            "<rdf:li xml:lang='x-default'>Cherry tree</rdf:li></rdf:Alt></dc:title>"
            "<dc:description><rdf:Alt><rdf:li xml:lang='fr'>Un cerisier</rdf:li></rdf:Alt></dc:description>"
            "<dc:subject><rdf:Bag><rdf:li>tree</rdf:li><rdf:li> Tree </rdf:li>"
            "<rdf:li>spring</rdf:li></rdf:Bag></dc:subject>"
            "<dc:creator><rdf:Seq><rdf:li>Ada</rdf:li><rdf:li>Grace</rdf:li></rdf:Seq></dc:creator>"
            "<dc:rights><rdf:Alt><rdf:li xml:lang='x-default'>CC0</rdf:li></rdf:Alt></dc:rights>"
            "<exif:DateTimeOriginal>2019-04-20T10:11:12+09:00</exif:DateTimeOriginal>"
            "<exif:ISOSpeedRatings><rdf:Seq><rdf:li>200</rdf:li></rdf:Seq></exif:ISOSpeedRatings>",
            "exif:GPSLatitude='35,41.5N' exif:GPSLongitude='139,45,30E' exif:FNumber='56/10' exif:ExposureTime='1/0' "
            "exif:FocalLength='85' tiff:Make='FUJIFILM' tiff:Model='X-T5' aux:Lens='XF56'",
        )
    )
    assert facts == PhotoFacts(
        taken_at="2019-04-20T10:11:12+09:00",
        camera="FUJIFILM X-T5",
        lens="XF56",
        latitude=35.6916667,
        longitude=139.7583333,
        title="Cherry tree",
        caption="Un cerisier",
        keywords=("tree", "spring"),
        creator="Ada, Grace",
        copyright="CC0",
        focal_length_mm=85.0,
        f_number=5.6,
        iso=200,
        make="FUJIFILM",
        model="X-T5",
    )


@pytest.mark.parametrize("empty", ["<rdf:li xml:lang='x-default'/>", "<rdf:li xml:lang='x-default'> \n</rdf:li>"])
def test_a_default_that_says_nothing_does_not_hide_another_language(empty: str) -> None:
    other = "<rdf:li xml:lang='fr'>Un cerisier</rdf:li>"
    assert xmp_facts(xmp(f"<dc:title><rdf:Alt>{empty}{other}</rdf:Alt></dc:title>")).title == "Un cerisier"


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"<",
        b"not XML",
        b"<a/>",
        xmp("<dc:title/>"),
        xmp("<dc:title><rdf:Alt/></dc:title>"),
        xmp("")[:-40],
        b'<!DOCTYPE a [<!ENTITY b "c">]>' + xmp("<dc:title>&b;</dc:title>"),
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd">' + xmp("<dc:title>x</dc:title>"),
        b"<a>" * 100_000,
        b"\xff\xfe\0\0",
        b"<?xml version='1.0' encoding='no-such'?><a/>",
    ],
)
def test_broken_or_hostile_xmp_says_nothing(packet: bytes) -> None:
    assert xmp_facts(packet) == PhotoFacts()


def test_iptc_is_read_in_utf8_and_in_the_machines_encoding() -> None:
    texts = [(2, 5, "Fête"), (2, 25, "été"), (2, 25, "mer"), (2, 80, "Zoë"), (2, 116, "© Zoë"), (2, 120, "À la plage")]
    dates = [(2, 55, b"20190420"), (2, 60, b"101112+0900")]
    expected = PhotoFacts(
        taken_at="2019-04-20T10:11:12+09:00",
        title="Fête",
        caption="À la plage",
        keywords=("été", "mer"),
        creator="Zoë",
        copyright="© Zoë",
    )
    for marker, encoding in (([(1, 90, b"\x1b%G")], "utf-8"), ([], "utf-8"), ([], "cp1252")):
        encoded = [(record, number, text.encode(encoding)) for record, number, text in texts]
        assert iptc_facts(iptc(*marker, *encoded, *dates)) == expected, encoding


def test_iptc_is_found_among_photoshops_resources() -> None:
    records = iptc((2, 5, b"odd"))
    other = b"8BIM\x04\x25\x03abc" + struct.pack(">I", 3) + b"xyz\0"
    assert iptc_of_photoshop(other + photoshop(records)) == records
    assert iptc_of_photoshop(other) is None
    assert iptc_of_photoshop(other[:-9]) is None


@pytest.mark.parametrize("container", ["jpeg", "tiff iptc", "tiff photoshop"])
def test_texts_come_from_xmp_then_iptc_then_exif_and_camera_facts_from_exif(
    picture: Image.Image, save: Callable[..., bytes], make_tiff: MakeTiff, container: str
) -> None:
    packet = xmp("", "tiff:Model='of XMP' exif:FNumber='4/1' photoshop:DateCreated='2001-01-01'")
    packet = packet.replace(b"</rdf:Description>", b"<dc:title>of XMP</dc:title></rdf:Description>")
    records = iptc((2, 5, b"of IPTC"), (2, 120, b"of IPTC"), (2, 55, b"20020202"))
    texts = [(0x9C9B, 1, "of EXIF".encode("utf-16-le")), (0x010E, 2, b"of EXIF\0"), (0x013B, 2, b"of EXIF\0")]
    main = [*texts, (0x0110, 2, b"of EXIF\0")]
    if container == "jpeg":
        jpeg = save(picture, "JPEG", exif=b"Exif\0\0" + make_tiff(main), xmp=packet)
        resources = b"Photoshop 3.0\0" + photoshop(records)
        data = jpeg[:2] + b"\xff\xed" + struct.pack(">H", len(resources) + 2) + resources + jpeg[2:]
    else:
        tag = (0x83BB, 7, records) if container == "tiff iptc" else (0x8649, 7, photoshop(records))
        pixels = [(256, 4, [4]), (257, 4, [4]), (258, 3, [8]), (259, 3, [1]), (262, 3, [1]), (273, 4, ("data",))]
        pixels += [(277, 3, [1]), (278, 4, [4]), (279, 4, [16])]
        data = make_tiff([*main, *pixels, (0x02BC, 1, packet), tag], data=bytes(16))
    facts = read_photo(data).facts
    assert (facts.title, facts.caption, facts.creator) == ("of XMP", "of IPTC", "of EXIF")
    assert (facts.camera, facts.f_number, facts.taken_at) == ("of EXIF", 4.0, "2001-01-01")


def test_a_sidecar_is_laid_over_the_embedded_facts(tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    (tmp_path / "a.xmp").write_bytes(xmp("<dc:title>short name</dc:title>"))
    assert read_sidecar(photo) == PhotoFacts(title="short name")
    (tmp_path / "a.jpg.xmp").write_bytes(xmp("<dc:title>whole name</dc:title>"))
    sidecar = read_sidecar(photo)
    assert sidecar == read_sidecar(tmp_path / "a.jpg.xmp") == PhotoFacts(title="whole name")
    embedded = PhotoFacts(title="embedded", camera="X100", keywords=("one",))
    assert embedded.merged(sidecar) == PhotoFacts(title="whole name", camera="X100", keywords=("one",))
    assert embedded.merged(None) == embedded


def test_a_sidecar_in_utf16_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.xmp").write_bytes(xmp("<dc:title>Łódź</dc:title>").decode().encode("utf-16"))
    assert read_sidecar(tmp_path / "a.png") == PhotoFacts(title="Łódź")


def test_a_missing_empty_or_broken_sidecar_is_none(tmp_path: Path) -> None:
    assert read_sidecar(tmp_path / "a.jpg") is None
    assert read_sidecar(tmp_path / "a.xmp") is None
    (tmp_path / "a.xmp").mkdir()
    assert read_sidecar(tmp_path / "a.jpg") is None
    for content in (b"", b"broken", xmp("")):
        (tmp_path / "b.xmp").write_bytes(content)
        assert read_sidecar(tmp_path / "b.jpg") is None


def test_facts_come_back_from_json(camera_exif: bytes) -> None:
    facts = read_exif(camera_exif).facts()
    assert PhotoFacts.from_json(facts.to_json()) == facts
    assert PhotoFacts().to_json() == "{}"
    assert PhotoFacts.from_json('{"title": "new", "of_a_later_version": 1}') == PhotoFacts(title="new")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", '{"title": 3}', '{"keywords": "a"}', '{"keywords": [1]}', '{"iso": true}', '{"iso": 1.5}'],
)
def test_json_that_is_no_record_of_facts_is_refused(text: str) -> None:
    with pytest.raises(FormatError, match="Facts of a photo"):
        PhotoFacts.from_json(text)


def assert_storable(facts: PhotoFacts) -> None:
    """Facts can be stored: the JSON is UTF-8 and comes back, whatever bytes they were read from."""
    assert PhotoFacts.from_json(facts.to_json().encode("utf-8").decode("utf-8")) == facts


@given(data=st.data())
def test_damaged_exif_never_raises(data: st.DataObject, camera_exif_once: bytes) -> None:
    damaged = bytearray(camera_exif_once)
    for position in data.draw(st.lists(st.integers(0, len(damaged) - 1), max_size=12)):
        damaged[position] = data.draw(st.integers(0, 255))
    assert_storable(read_exif(bytes(damaged[: data.draw(st.integers(0, len(damaged)))])).facts())


@given(st.binary(max_size=200))
def test_any_bytes_as_exif_iptc_or_photoshop_resources_never_raise(junk: bytes) -> None:
    for head in (b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0", b""):
        assert_storable(read_exif(head + junk).facts())
    assert_storable(iptc_facts(b"\x1c\x02\x19\0\x04" + junk))
    assert_storable(iptc_facts(junk))
    iptc_of_photoshop(b"8BIM" + junk)


@given(st.text(max_size=60))
def test_any_text_in_xmp_never_raises(text: str) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").encode("utf-8", "replace").decode()
    inside = "".join(f"<{name}>{escaped}</{name}>" for name in ("dc:title", "exif:GPSLatitude", "exif:FNumber"))
    assert_storable(xmp_facts(xmp(inside + f"<exif:DateTimeOriginal>{escaped}</exif:DateTimeOriginal>")))


@pytest.fixture(scope="module")
def camera_exif_once(make_tiff: MakeTiff) -> bytes:
    return make_tiff(
        [
            (0x010E, 2, b"caption\0"),
            (0x0112, 3, [6]),
            (0x9C9B, 1, b"t\0i\0"),
            (0x8769, 4, ("ifd", 1)),
            (0x8825, 4, ("ifd", 2)),
        ],
        [(0x9003, 2, b"2004:06:17 08:30:01\0"), (0x829A, 5, [(1, 250)]), (0x9286, 7, b"UNICODE\0a\0b\0")],
        [(1, 2, b"S\0"), (2, 5, [(33, 1), (51, 1), (35, 1)]), (3, 2, b"E\0"), (4, 5, [(151, 1), (12, 1), (40, 1)])],
    )


@pytest.mark.parametrize("name", ["UP.XMP", "UP.JPG.XMP"])
def test_a_sidecar_may_be_named_in_capitals(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(xmp("<dc:title>Told</dc:title>"))
    assert read_sidecar(tmp_path / "UP.JPG") == PhotoFacts(title="Told")
