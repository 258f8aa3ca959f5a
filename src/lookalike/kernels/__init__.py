"""The inner loops: arrays in, arrays out; no objects, no checks, no I/O.

Every function exported here has a namesake in :mod:`lookalike.kernels.reference` that is slow, obvious, and the
definition of what is correct; ``tests/kernels`` holds the two together. Callers have checked shapes and dtypes.
"""

from lookalike.kernels.adc import adc_scan, adc_tables
from lookalike.kernels.codes import pack_codes, unpack_codes
from lookalike.kernels.distances import assign, exact_distances
from lookalike.kernels.multisequence import multisequence
from lookalike.kernels.rotate import rotate, rotate_back
from lookalike.kernels.selection import list_rows, top_k

__all__ = [
    "adc_scan",
    "adc_tables",
    "assign",
    "exact_distances",
    "list_rows",
    "multisequence",
    "pack_codes",
    "rotate",
    "rotate_back",
    "top_k",
    "unpack_codes",
]
