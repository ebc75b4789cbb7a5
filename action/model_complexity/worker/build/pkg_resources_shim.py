"""Provide what mmengine uses of ``pkg_resources``, which setuptools dropped in version 81: where a package is installed.

mmengine resolves ``library::_base_/model.py`` with it, and libraries detect each other with it.
"""

from __future__ import annotations

from importlib import metadata
from typing import Tuple

NAME = "pkg_resources"


class DistributionNotFoundError(Exception):
    """No package of this name is installed."""


class Distribution:
    """An installed package. ``location`` is the folder of its modules."""

    def __init__(self, installed: metadata.Distribution) -> None:
        self._installed = installed
        self.location = str(installed.locate_file(""))

    def has_metadata(self, name: str) -> bool:
        """Whether its metadata has a file of this name, e.g. ``top_level.txt``."""
        return self._installed.read_text(name) is not None

    def get_metadata(self, name: str) -> str:
        """Return the text of that file, blank if there is none."""
        return self._installed.read_text(name) or ""


def get_distribution(name: str) -> Distribution:
    """Find a package by its name on the package index.

    Raises:
        DistributionNotFoundError: it is not installed.
    """
    try:
        return Distribution(metadata.distribution(name))
    except (metadata.PackageNotFoundError, ValueError) as error:
        raise DistributionNotFoundError(name) from error


def exported() -> Tuple[Tuple[str, object], ...]:
    """Return the contents of a module ``pkg_resources``: names with values."""
    return (("DistributionNotFound", DistributionNotFoundError), ("get_distribution", get_distribution))
