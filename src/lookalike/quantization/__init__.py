"""The LOPQ model: mean, principal axes, coarse quantizer, residuals, local rotations, product codes."""

from lookalike.quantization.allocation import eigenvalue_allocation
from lookalike.quantization.coarse import CoarseQuantizer
from lookalike.quantization.kmeans import kmeans
from lookalike.quantization.model import LOPQModel
from lookalike.quantization.product import ProductQuantizer
from lookalike.quantization.projection import Projection
from lookalike.quantization.rotation import LocalFrames

__all__ = [
    "CoarseQuantizer",
    "LOPQModel",
    "LocalFrames",
    "ProductQuantizer",
    "Projection",
    "eigenvalue_allocation",
    "kmeans",
]
