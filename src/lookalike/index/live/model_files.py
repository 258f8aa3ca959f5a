"""Models of a live index on disk: one safetensors file for each, its checksum in the database."""

from __future__ import annotations

from pathlib import Path

from lookalike.errors import FormatError
from lookalike.index.array_files import file_entry
from lookalike.index.live.tables import ModelRow
from lookalike.quantization import LOPQModel

__all__ = ["model_file", "read_model", "write_model"]


def model_file(models: Path, number: int) -> Path:
    """Where a model lies."""
    return models / f"{number:06d}.safetensors"


def write_model(models: Path, number: int, model: LOPQModel) -> tuple[int, str]:
    """Write a model and give its bytes and its SHA-256."""
    models.mkdir(parents=True, exist_ok=True)
    file = model_file(models, number)
    model.save(file)
    entry = file_entry(file)
    return int(entry["bytes"]), str(entry["sha256"])


def read_model(models: Path, row: ModelRow) -> LOPQModel:
    """Read a model.

    Raises
    ------
    FormatError
        Damaged.
    FileNotFoundError
    """
    file = model_file(models, row.number)
    entry = file_entry(file)
    if (entry["bytes"], entry["sha256"]) != (row.bytes, row.checksum):
        raise FormatError(f"{file} does not have the content it was saved with.")
    return LOPQModel.load(file)
