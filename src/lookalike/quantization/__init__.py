"""The LOPQ model: mean, principal axes, coarse quantizer, residuals, local rotations, product and additive codes."""

from lookalike.quantization.additive import AdditiveQuantizer
from lookalike.quantization.allocation import eigenvalue_allocation, water_filling
from lookalike.quantization.coarse import CoarseQuantizer
from lookalike.quantization.kmeans import kmeans
from lookalike.quantization.model import LOPQModel
from lookalike.quantization.product import ProductQuantizer
from lookalike.quantization.projection import Projection
from lookalike.quantization.rotation import LocalFrames

__all__ = [
    "AdditiveQuantizer",
    "CoarseQuantizer",
    "LOPQModel",
    "LocalFrames",
    "ProductQuantizer",
    "Projection",
    "eigenvalue_allocation",
    "kmeans",
    "water_filling",
]
