"""How photos look: palettes, black and white, quality, styles, composition. Pure functions of pixels and embedding."""

from __future__ import annotations

from lookalike.appearance.composition import N_COMPOSITION, composition_of
from lookalike.appearance.lightness import Lightness
from lookalike.appearance.measure import MEASURES, Appearance, measure, measure_all
from lookalike.appearance.monochrome import monochrome_scores
from lookalike.appearance.names import COLOUR_NAMES, colour_named, hex_of, named_colour
from lookalike.appearance.oklab import oklab_distances, oklab_of, srgb_of
from lookalike.appearance.palette import N_COLOURS, palette_of, palette_scores, palette_vector, palette_vectors
from lookalike.appearance.quality import Quality, quality_of
from lookalike.appearance.style_probes import StyleProbe, style_probes
from lookalike.appearance.styles import STYLES, Style, style_scores, style_statistics

__all__ = [
    "COLOUR_NAMES",
    "MEASURES",
    "N_COLOURS",
    "N_COMPOSITION",
    "STYLES",
    "Appearance",
    "Lightness",
    "Quality",
    "Style",
    "StyleProbe",
    "colour_named",
    "composition_of",
    "hex_of",
    "measure",
    "measure_all",
    "monochrome_scores",
    "named_colour",
    "oklab_distances",
    "oklab_of",
    "palette_of",
    "palette_scores",
    "palette_vector",
    "palette_vectors",
    "quality_of",
    "srgb_of",
    "style_probes",
    "style_scores",
    "style_statistics",
]
