"""Turn an exception that a config raised into a failure."""

from __future__ import annotations

import re
import sys
import traceback
from typing import Dict

from model_complexity.common.failures import FAILURE_KINDS, failure
from model_complexity.worker.codebases.support.hugging_face import describe_missing_file
from model_complexity.worker.error_location import OUR_CODE, exception_chain, repository_line

_STAGE_KINDS = {"load": "config_load", "build": "build", "count": "forward"}
_OUT_OF_MEMORY = re.compile(r"can't allocate memory|not enough memory|out of memory", re.IGNORECASE)
_NOT_INSTALLED = re.compile(
    r"\b(?:is|are) not installed\b|\bpip3? install \S|\bnot found, please install\b", re.IGNORECASE
)
"""Messages of libraries that look for a package themselves and raise another error than ImportError."""
_TEMPORARY = re.compile(r"/\S*?/tmp[a-z0-9_]{8}/tmp[a-z0-9_]{8}(\.\w+)?")


def failure_of(error: BaseException, stage: str, tree: str) -> Dict[str, str]:
    """Make a failure of an exception.

    Args:
        error: the exception.
        stage: the stage that raised: ``load``, ``build`` or ``count``.
        tree: the folder of the repository, cut from messages so that they read the same on every machine.
    """
    kind = _kind(error, stage)
    message = _shortened(_message(error, tree), tree)
    return failure(kind, message, _shortened(_detail(error, kind), tree), _hint(error, kind))


def _kind(error: BaseException, stage: str) -> str:
    named = getattr(error, "failure_kind", None)
    if named in FAILURE_KINDS and _is_ours(error):
        return str(named)
    chain = list(exception_chain(error))
    if any(isinstance(e, MemoryError) or _OUT_OF_MEMORY.search(str(e)) for e in chain):
        return "out_of_memory"
    if any(isinstance(e, ImportError) or _NOT_INSTALLED.search(str(e)) for e in chain):
        return "missing_dependency"
    if stage == "load" and any(isinstance(e, SyntaxError) for e in chain):
        return "config_syntax"
    return _STAGE_KINDS[stage]


def _is_ours(error: BaseException) -> bool:
    return type(error).__module__.startswith(f"{__package__}.")


def _detail(error: BaseException, kind: str) -> str:
    # A traceback without our own frames. Of a syntax error only the position: the rest is the parser's callers.
    if kind == "config_syntax":
        return "".join(traceback.format_exception_only(type(error), error)).rstrip()
    frames = error.__traceback__
    while frames is not None and frames.tb_next and frames.tb_frame.f_code.co_filename.startswith(OUR_CODE):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames)).rstrip()


def _hint(error: BaseException, kind: str) -> str:
    # An error that was raised while another was handled need not be about that. An import's is, and so is a cause.
    known = FAILURE_KINDS[kind]
    related = [error]
    for each in exception_chain(error):
        if each is related[-1].__cause__ or isinstance(each, ImportError):
            related.append(each)
    found = (known.hint_for([base.__name__ for base in type(each).__mro__], str(each)) for each in related)
    return next((hint for hint in found if hint != known.hint), known.hint)


def _message(error: BaseException, tree: str) -> str:
    error = _most_telling(error)
    if isinstance(error, SyntaxError):
        return _syntax_message(error)
    line = repository_line(error, tree)
    if isinstance(error, SystemExit):
        return f"called sys.exit({error.code!r})" + (f" at {line}" if line else "")
    sentence = str(error) if _is_ours(error) else describe_missing_file(str(error))
    if sentence:
        return f"{line}: {sentence}" if line else sentence
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    if isinstance(error, ModuleNotFoundError) and not line:
        return text
    name = f"{type(error).__name__} at {line}" if line else type(error).__name__
    return f"{name}: {text}" if text.strip() else name


def _most_telling(error: BaseException) -> BaseException:
    """Return the missing module, or the innermost failed import: it says more than a library's sentence around it."""
    imports = [each for each in exception_chain(error) if isinstance(each, ImportError)]
    missing = [each for each in imports if isinstance(each, ModuleNotFoundError)]
    return [error, *imports[-1:], *missing[:1]][-1]


def _syntax_message(error: SyntaxError) -> str:
    # The parser was given text, not a file. The frame that called it knows the name.
    file = error.filename
    if file is None or file.startswith("<"):
        named = [frame.f_locals.get("filename") for frame, _ in traceback.walk_tb(error.__traceback__)]
        file = next((name for name in reversed(named) if isinstance(name, str) and not name.startswith("<")), None)
    return f"{file}:{error.lineno}: {error.msg}" if file and error.lineno else str(error)


def _shortened(text: str, tree: str) -> str:
    # Cuts what differs between machines and runs, so that the same failure reads the same.
    text = text.replace(tree.rstrip("/") + "/", "").replace(tree.rstrip("/"), ".")
    text = _TEMPORARY.sub("<copy of the config>", text).replace(OUR_CODE, "<model-complexity>")
    return text.replace(sys.prefix, "<environment>").replace(sys.base_prefix, "<python>")
