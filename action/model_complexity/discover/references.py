"""The files that a config inherits from, as paths in the repository. Nothing is run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from posixpath import basename, dirname, join, normpath, splitext
from typing import Final, TypeVar

from model_complexity.discover.python_bases import Import, PythonBases, python_bases
from model_complexity.discover.yaml_bases import DataConfig, json_bases, yaml_bases

MAX_REFERENCES: Final = 1_000
"""The most bases, and the most templates, of one file."""

MAX_MODULE: Final = 1_000
"""The most characters of an imported module's name."""

_T = TypeVar("_T")

# mmengine fills {{fileDirname}} with an absolute path. This prefix represents the repository's root.
_ROOT: Final = "/\ue000repository"
_FILE: Final = re.compile(r"\{\{\s*(fileDirname|fileBasenameNoExtension|fileBasename|fileExtname)\s*\}\}")
# Possessive quantifiers do not backtrack, so that a megabyte of spaces takes one pass.
_ENVIRONMENT: Final = re.compile(r"\{\{['\"]?\s*+\$\w++\s*+:\s*+([^\s{}]*?)\s*+['\"]?\}\}")
_BASE_VALUE: Final = re.compile(r"\{\{\s*_base_\.[\w.]+\s*\}\}")


@dataclass(frozen=True)
class Reference:
    """A base of a file.

    ``others`` are the files that an import refers to if ``path`` does not exist: ``from .x import a`` is ``x.py``, or else
    ``x/a.py``. A base with a ``package`` is in this repository only if that package is.
    """

    path: str
    others: tuple[str, ...] = ()
    package: str | None = None


@dataclass(frozen=True)
class Contents:
    """The bases of a file, what could not be read, and whether it is a config."""

    references: tuple[Reference, ...] = ()
    warnings: tuple[str, ...] = ()
    is_config: bool = True


def read_references(path: str, text: str) -> Contents:
    """Read the bases of a config.

    Args:
        path: the file's path in the repository; bases are relative to it, and its suffix is the format.
        text: its content.

    Returns:
        The distinct references, in order. A warning is one sentence that contains the file's name.
    """
    if text.count("{{") > MAX_REFERENCES:
        return Contents(
            warnings=(f"{display_name(path)} has more than {MAX_REFERENCES:,} templates, so its bases were not read",)
        )
    if "{{" in text:
        text = fill_templates(path, text)
    return _python(path, text) if path.endswith(".py") else _data(path, text)


def display_name(path: str) -> str:
    """Return the file's name for a sentence: one line, no surrogates, at most 100 characters."""
    name = "".join(character if character.isprintable() else "\ufffd" for character in basename(path))
    return name if len(name) <= 100 else f"{name[:99]}…"


def fill_templates(path: str, text: str) -> str:
    """Fill in mmengine's templates: file names, environment variables by their defaults, bases' values by 0.

    Source: mmengine.readthedocs.io/en/latest/advanced_tutorials/config.html, "Predefined fields" and after.
    """
    values = {
        "fileDirname": join(_ROOT, dirname(path)).rstrip("/"),
        "fileBasename": basename(path),
        "fileBasenameNoExtension": splitext(basename(path))[0],
        "fileExtname": splitext(path)[1],
    }
    text = _FILE.sub(lambda match: values[match[1]], text)
    text = _ENVIRONMENT.sub(lambda match: match[1], text)
    return _BASE_VALUE.sub("0", text)


def _python(path: str, text: str) -> Contents:
    try:
        bases = python_bases(text)
    except SyntaxError as error:
        line = f" in line {error.lineno}" if error.lineno else ""
        return Contents(warnings=(f"{display_name(path)} is not valid Python{line}: {_first_line(error.msg)}",))
    prefix = f"the bases of {display_name(path)} cannot be read without running it: `_base_`"
    warnings = [f"{prefix} {reason}" for reason in bases.unresolved]
    references = list(_python_references(path, bases, warnings))
    return Contents(tuple(dict.fromkeys(references)), tuple(dict.fromkeys(warnings)))


def _first_line(text: str) -> str:
    return next(iter(text.splitlines()), "")[:200]


def _python_references(path: str, bases: PythonBases, warnings: list[str]) -> Iterator[Reference]:
    for base in _bounded(path, bases.paths, warnings):
        yield from _path_references(path, base, warnings)
    for imported in _bounded(path, bases.imports, warnings):
        yield from _import_references(path, imported, warnings)


def _bounded(path: str, items: tuple[_T, ...], warnings: list[str]) -> tuple[_T, ...]:
    if len(items) > MAX_REFERENCES:
        warnings.append(f"{display_name(path)} names more than {MAX_REFERENCES:,} bases, so the rest was not read")
    return tuple(dict.fromkeys(items[:MAX_REFERENCES]))


def _data(path: str, text: str) -> Contents:
    data: DataConfig = json_bases(text) if path.endswith(".json") else yaml_bases(text)
    warnings = [f"{display_name(path)} {data.error}"] if data.error else []
    references = [
        reference
        for base in _bounded(path, data.bases, warnings)
        for reference in _path_references(path, base, warnings)
    ]
    return Contents(tuple(dict.fromkeys(references)), tuple(warnings), data.is_config)


def _path_references(path: str, base: str, warnings: list[str]) -> Iterator[Reference]:
    """Yield the reference of a base that is a path or ``package::path``."""
    package, external, inside = base.partition("::")
    if external and (not package.isidentifier() or "::" in inside):
        warnings.append(f"{display_name(path)} names a malformed base: {display_name(base)}")
        return
    if external:
        target, package_name = _normalize(join("configs", inside)), package
    elif base.startswith(_ROOT):
        target, package_name = _normalize(base.removeprefix(_ROOT).lstrip("/")), None
    else:
        target, package_name = _normalize(join(dirname(path), base)), None
    if target is None:
        warnings.append(f"{display_name(path)} names a base that is not a path in the repository: {display_name(base)}")
    else:
        yield Reference(target, package=package_name)


def _normalize(path: str) -> str | None:
    """Return the normalized path, None if it leaves the repository or cannot be a file's."""
    normal = normpath(path)
    if normal.startswith(("/", "../")) or normal in {".", ".."} or "\0" in normal or len(normal) > 4_096:
        return None
    try:
        normal.encode("utf-8", "surrogateescape")  # a literal may contain half a surrogate pair
    except UnicodeEncodeError:
        return None
    return normal


def _import_references(path: str, imported: Import, warnings: list[str]) -> Iterator[Reference]:
    """Yield the references of an import: the module's file, or files of the imported names."""
    folder = _import_folder(path, imported.level)
    if folder is None:
        warnings.append(f"{display_name(path)} imports a base from outside the repository")
        return
    if len(imported.module) > MAX_MODULE:  # it is repeated for each imported name
        warnings.append(
            f"{display_name(path)} names a base that is not a path in the repository: {display_name(imported.module)}"
        )
        return
    names = [name for name in _bounded(path, imported.names, warnings) if name != "*"]
    if imported.module:
        file = folder + imported.module.replace(".", "/")
        others = (*(f"{file}/{name}.py" for name in names), f"{file}/__init__.py")
        yield Reference(f"{file}.py", others, None if imported.level else imported.module.partition(".")[0])
        return
    yield from (Reference(f"{folder}{name}.py", (f"{folder}{name}/__init__.py",)) for name in names)
    if "*" in imported.names:
        yield Reference(f"{folder}__init__.py")


def _import_folder(path: str, level: int) -> str | None:
    """Return the folder that an import is relative to, with its ``/``, None if outside the repository."""
    if level == 0:
        return ""
    folders = path.split("/")[:-1]
    if level - 1 > len(folders):
        return None
    return "".join(f"{folder}/" for folder in folders[: len(folders) - (level - 1)])
