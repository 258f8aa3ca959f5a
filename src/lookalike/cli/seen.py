"""What was seen in a photo, for people and for programs: labels, colours as swatches, measures, styles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lookalike.cli.terminal import stdout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lookalike.collection import SeenPhoto, Swatch

__all__ = ["print_swatches", "seen_facts", "seen_json", "swatches_json", "told_colours"]

_SWATCHES = 48
"""Characters that the colours of one photo take together."""


def seen_json(seen: SeenPhoto) -> dict[str, Any]:
    """Return what is known of a photo, for `print_json`."""
    return {
        "tags": [{"tag": row.tag, "raw": row.raw, "origin": row.origin, "score": row.score} for row in seen.tags],
        "machine_tags": [
            {
                "namespace": row.namespace,
                "predicate": row.predicate,
                "value": row.value,
                "raw": row.raw,
                "origin": row.origin,
                "score": row.score,
            }
            for row in seen.machine_tags
        ],
        "labels": [{"name": name, "probability": probability} for name, probability in seen.labels],
        "palette": swatches_json(seen.palette),
        "measures": seen.measures,
        "nsfw": seen.nsfw,
    }


def swatches_json(palette: Sequence[Swatch]) -> list[dict[str, Any]]:
    """Return colours for `print_json`."""
    return [{"hex": one.hex, "name": one.name, "share": one.share} for one in palette]


def seen_facts(seen: SeenPhoto, *, style_method: str) -> dict[str, str]:
    """Return what was seen in a photo, for `print_facts`; empty where it was not looked at yet."""
    if not seen.is_seen:
        return {}
    from lookalike.appearance import STYLES

    measures = seen.measures
    styles = [
        f"{style.name} {measures[name]:.2f}"
        for name, style in STYLES.items()
        if measures.get(name, 0.0) >= style.threshold
    ]
    others = [f"{name} {value:.3g}".replace("_", " ") for name, value in measures.items() if name not in STYLES]
    return {
        "Seen": ", ".join(f"{name} {probability:.2f}" for name, probability in seen.labels[:5]),
        "Style": f"{', '.join(styles)} (by {style_method})" if styles else "",
        "Colours": told_colours(seen.palette),
        "Measures": ", ".join(others),
        "NSFW": "not judged" if seen.nsfw is None else f"{seen.nsfw:.3f}, by open_nsfw",
    }


def told_colours(palette: Sequence[Swatch]) -> str:
    """Return colours as text."""
    return ", ".join(f"{one.name} {one.hex} {one.share:.0%}" for one in palette)


def print_swatches(palette: Sequence[Swatch]) -> None:
    """Print colours as a strip, each as long as its share; nothing where no colours can be shown."""
    console = stdout()
    if not palette or not console.is_terminal or console.color_system is None:
        return
    from rich.style import Style
    from rich.text import Text

    strip = Text()
    for one in palette:
        strip.append(" " * max(1, round(one.share * _SWATCHES)), Style(bgcolor=one.hex))
    console.print(strip, no_wrap=True, overflow="crop")
