"""The questions of this package, asked of a collection: teach, explain, and how the network sees.

Each opens what it needs, calls one function over arrays, and changes nothing, but for a taught filter that shall be
kept. Questions about tags are in :mod:`.asking_tags`.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lookalike.collection import Collection, SeenPhoto
from lookalike.collection.looking import Looker
from lookalike.collection.outside import read_file
from lookalike.collection.probe import Probe
from lookalike.collection.seen import LABELS
from lookalike.concepts import broader, imagenet
from lookalike.errors import InvalidArgumentError
from lookalike.explore.boxes import seen_box
from lookalike.explore.teaching import MIN_BACKGROUND, MIN_EXAMPLES, fit_probe
from lookalike.explore.units import (
    UnitPhoto,
    UnitView,
    check_unit,
    strongest_cells,
    strongest_photos,
    strongest_units,
)
from lookalike.explore.why import Explanation, explain_images
from lookalike.photos import PhotoLimits, read_photo
from lookalike.quantization.arguments import check_count
from lookalike.query import MachineTag

__all__ = ["Photo", "explain", "photo_units", "probe_scores", "teach", "unit_photos", "why"]

Photo = int | np.integer | str | os.PathLike[str] | bytes
"""An id of the collection, a path of any photo, or the bytes of a file."""

_BLOCK = 4096
"""Embeddings in memory at a time: 21 MB at 1,280 dimensions."""


def teach(
    collection: Collection,
    name: str,
    positive_ids: Sequence[int],
    negative_ids: Sequence[int] = (),
    *,
    n_background: int = 300,
    seed: int = 0,
    save: bool = False,
) -> Probe:
    """Learn a filter from photos of a collection.

    Parameters
    ----------
    collection : Collection
    name : str
        What it shall be called.
    positive_ids : sequence of int
        Photos that are it: 5 or more, best 10 to 50, as different from each other as such photos are.
    negative_ids : sequence of int
        Photos that are not it, best those that were wrongly found before.
    n_background : int
        Photos drawn at random from the others; a few of them may be it.
    seed : int
        Of the draw: the same photos give the same probe.
    save : bool
        Keep it in the collection: ``style:NAME`` finds it from then on, in the place of an earlier one of the name.

    Raises
    ------
    InvalidArgumentError
        Too few examples or photos, a photo on both sides, or a bad name.
    UnknownPhotoError
        An id that is not in the collection.
    """
    shown, refused = _unique(positive_ids), _unique(negative_ids)
    if both := sorted(set(shown) & set(refused)):
        raise InvalidArgumentError(f"Photo {both[0]} is among the examples and among what is not it. Choose one.")
    if len(shown) < MIN_EXAMPLES:
        raise InvalidArgumentError(
            f"Different photos given as examples of {name!r}: {len(shown)}; it takes {MIN_EXAMPLES} or more."
        )
    n_background = check_count(n_background, "n_background", least=MIN_BACKGROUND)
    seed = check_count(seed, "seed", least=0)
    others = np.array(sorted(set(collection.ids().tolist()).difference(shown, refused)), np.int64)
    if len(others) < MIN_BACKGROUND:
        raise InvalidArgumentError(
            f"Photos in the collection beside the examples: {len(others)}, but it takes {MIN_BACKGROUND} to tell "
            "what is special about them. Add more photos."
        )
    drawn = np.random.default_rng(seed).choice(others, min(n_background, len(others)), replace=False)
    probe = fit_probe(
        name,
        collection.raw_embeddings(shown),
        collection.raw_embeddings(np.sort(drawn)),
        negatives=collection.raw_embeddings(refused),
        mean=collection.mean,
        encoder=collection.settings.card.fingerprint,
    )
    if save:
        collection.save_filter(probe)
    return probe


def probe_scores(
    collection: Collection, probe: Probe, ids: Sequence[int] | NDArray[np.integer] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Score photos of a collection by a probe.

    Returns
    -------
    ids : int64 (n,)
        Those asked for; by default all of the collection.
    scores : float32 (n,)

    Raises
    ------
    InvalidArgumentError
        The probe was taught on another encoder's embeddings.
    UnknownPhotoError
    """
    if probe.encoder != collection.settings.card.fingerprint:
        raise InvalidArgumentError(
            f"The probe {probe.name!r} was taught on embeddings of another encoder ({probe.encoder[:12]}) than this "
            f"collection's ({collection.settings.card.fingerprint[:12]}). Teach it again here."
        )
    wanted = collection.ids() if ids is None else np.asarray(ids, np.int64)
    scores = np.empty(len(wanted), np.float32)
    for start in range(0, len(wanted), _BLOCK):
        block = wanted[start : start + _BLOCK]
        scores[start : start + _BLOCK] = probe.scores(collection.raw_embeddings(block))
    return wanted, scores


def explain(
    collection: Collection,
    a: Photo,
    b: Photo,
    *,
    classes: tuple[Mapping[str, float], Mapping[str, float]] | None = None,
    tags: tuple[Iterable[str], Iterable[str]] = ((), ()),
    palettes: tuple[NDArray[np.floating], NDArray[np.floating]] | None = None,
) -> Explanation:
    """Explain why two photos are alike, in the eyes of a collection: usually a query and a hit.

    Both are decoded and encoded again, because feature maps are not stored: about 30 ms.

    Parameters
    ----------
    collection : Collection
        Gives encoder and mean; the photos need not be in it.
    a, b : int, path or bytes
    classes, tags, palettes
        What is known of both; see `Explanation`.

    Raises
    ------
    UnknownPhotoError, PhotoGoneError, PhotoError, InvalidArgumentError
    """
    first, second = _image(collection, a), _image(collection, b)
    return explain_images(
        collection.encoder,
        first,
        second,
        mean=collection.mean,
        classes=classes,
        tags=tags,
        palettes=palettes,
    )


def why(collection: Collection, a: Photo, b: Photo) -> Explanation:
    """Explain why two photos are alike, with all that is known of both: classes, tags and palettes too.

    What is known of a photo of the collection is what it stores; another one is looked at now and has no tags.

    Parameters
    ----------
    collection : Collection
    a, b : int, path or bytes

    Raises
    ------
    UnknownPhotoError, PhotoGoneError, PhotoError, InvalidArgumentError
    """
    first, second = _known(collection, a), _known(collection, b)
    told = explain(
        collection,
        a,
        b,
        classes=(first.classes, second.classes),
        tags=(first.tags, second.tags),
        palettes=(first.palette, second.palette),
    )
    return dataclasses.replace(told, tags=tuple(first.tags[tag] for tag in told.tags))


class _Known(NamedTuple):
    classes: dict[str, float]
    tags: dict[str, str]
    palette: NDArray[np.float32]


def _known(collection: Collection, photo: Photo) -> _Known:
    """Gather what is known of a photo: terms with probabilities, tags in normal form as written, palette (n, 4)."""
    photo_id = collection.find(photo)
    if photo_id is None:
        image = _image(collection, photo)
        look = Looker(collection.encoder, nsfw=False).look([image], [image.size])[0]
        seen = SeenPhoto.of(look.seen, tags=[], machine_tags=[], has_labels=collection.settings.card.labels == LABELS)
    else:
        seen = collection.seen(photo_id)
    tags = {row.tag: row.raw for row in seen.tags}
    for row in seen.machine_tags:
        if row.namespace not in ("auto", "geo"):
            tags[f"{row.namespace}:{row.predicate}={row.value}"] = str(
                MachineTag(row.namespace, row.predicate, row.raw)
            )
    palette = np.array([[*swatch.lab, swatch.share] for swatch in seen.palette], np.float32).reshape(-1, 4)
    return _Known(_terms(seen.labels), tags, palette)


def _terms(labels: Sequence[tuple[str, float]]) -> dict[str, float]:
    """Add what is broader to classes: each term has the sum of the classes that it stands for."""
    if not labels:
        return {}
    vocabulary = imagenet()
    probabilities = np.zeros((1, vocabulary.n_classes), np.float32)
    for name, probability in labels:
        probabilities[0, vocabulary.names.index(name)] = probability
    scores = broader(probabilities, vocabulary)[0]
    return {vocabulary.names[term]: float(scores[term]) for term in np.flatnonzero(scores)}


def unit_photos(collection: Collection, unit: int, k: int = 12) -> list[UnitPhoto]:
    """Find the photos of a collection that excite a unit most; see `strongest_photos`."""
    check_unit(unit, collection.settings.card.dim)
    return strongest_photos(_blocks(collection), unit, k)


def photo_units(collection: Collection, photo: Photo, k: int = 12, *, n_cells: int = 3) -> list[UnitView]:
    """Find the units that a photo excites most beyond the collection's mean, and where in the photo.

    Parameters
    ----------
    collection : Collection
    photo : int, path or bytes
    k : int
        Units wanted.
    n_cells : int
        Cells wanted of each.

    Raises
    ------
    UnknownPhotoError, PhotoGoneError, PhotoError, InvalidArgumentError
    """
    image = _image(collection, photo)
    encoder = collection.encoder
    try:
        encoding = encoder.encode([image], outputs=("feature_map",))
    except InvalidArgumentError:  # this encoder has no maps; the units are those of its embedding alone
        encoding = encoder.encode([image])
    views = strongest_units(encoding.embeddings[0], collection.mean, k)
    maps = encoding.feature_maps
    if maps is None or maps.ndim != 4 or maps.shape[1] != encoder.card.dim:
        return views
    box = seen_box(*image.size, encoder.card)
    return [dataclasses.replace(view, cells=strongest_cells(maps[0], view.unit, n_cells, box=box)) for view in views]


def _blocks(collection: Collection) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    ids = collection.ids()
    for start in range(0, len(ids), _BLOCK):
        block = ids[start : start + _BLOCK]
        yield block, collection.raw_embeddings(block)


def _unique(ids: Iterable[int]) -> list[int]:
    wanted = list(ids)
    for photo_id in wanted:
        if not isinstance(photo_id, int | np.integer) or isinstance(photo_id, bool):
            raise InvalidArgumentError(f"{photo_id!r} is no id of a photo; expected integers.")
    return list(dict.fromkeys(int(photo_id) for photo_id in wanted))


def _image(collection: Collection, photo: Photo) -> Image.Image:
    """Decode a photo as it is decoded for the embedding; one of the collection as it was when it was added."""
    limits = PhotoLimits()
    photo_id = collection.find(photo)
    if isinstance(photo, bytes):
        name, data = "", photo
    elif photo_id is not None:
        path, data = collection.file_content(photo_id)
        name = path.name
    else:
        assert not isinstance(photo, int | np.integer)  # an id is found, or refused
        name, data = Path(photo).name, read_file(photo, limits)
    return read_photo(data, name=name, limits=limits, min_side=collection.settings.min_side).image
