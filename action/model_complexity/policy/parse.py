"""The bytes of a policy file -> a `Policy`, or every fault with its line, column and field."""

from __future__ import annotations

import difflib
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError

from model_complexity.policy.model import Budget, IgnoreRule, Policy, ShapesFor
from model_complexity.policy.yaml_document import (
    Document,
    Location,
    PolicyError,
    PolicyIssue,
    field_name,
    read_document,
)

MOST_FAULTS: Final = 10
_PARTS: Final[dict[str, type[BaseModel]]] = {"budgets": Budget, "ignore": IgnoreRule, "shapes-for": ShapesFor}
_PLAIN: Final = {
    "tuple_type": "is not a list",
    "model_type": "is not a mapping of fields",
    "string_type": "is not a text",
    "string_too_short": "is empty",
    "string_too_long": "is longer than {max_length} characters",
    "too_short": "is an empty list",
    "too_long": "has more than {max_length} items",
    "greater_than_equal": "is less than {ge}",
    "less_than_equal": "is more than {le}",
}


def parse_policy(content: bytes) -> Policy:
    """Reads a policy file.

    Raises:
        PolicyError: it is malformed; with the first ten faults in the order of the file.
    """
    document = read_document(content)
    try:
        return Policy.model_validate(document.data)
    except ValidationError as error:
        issues = {_fault(one, document) for one in error.errors(include_url=False, include_input=True)}
        raise PolicyError(*sorted(issues)[:MOST_FAULTS]) from None


def _fault(error: Any, document: Document) -> PolicyIssue:
    location: Location = error["loc"]
    if error["type"] == "extra_forbidden":
        place = document.keys.get(location, document.place(location))
        return PolicyIssue(*place, field_name(location), f"there is no such field{_near(location)}")
    return PolicyIssue(*document.place(location), field_name(location), _message(error))


def _near(location: Location) -> str:
    part = _PARTS.get(str(location[0]), Policy) if len(location) > 1 else Policy
    known = [field.alias or name for name, field in part.model_fields.items()]
    return _did_you_mean(str(location[-1]), known) or f": the fields are {', '.join(known)}"


def _message(error: Any) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "missing":
        return "is missing"
    if kind == "literal_error":
        given, known = error["input"], _options(error["loc"])
        said = repr(given[:40]) if isinstance(given, str) else "this"
        return f"{said} is none of {', '.join(known)}{_did_you_mean(given, known) if isinstance(given, str) else ''}"
    return _PLAIN[kind].format(**context) if kind in _PLAIN else str(error["msg"])


def _options(location: Location) -> list[str]:
    annotation: Any = _PARTS[str(location[0])].model_fields[str(location[-1])].annotation
    options = [option for part in (annotation, *get_args(annotation)) for option in (get_args(part) or (part,))]
    return list(dict.fromkeys(option for option in options if isinstance(option, str)))


def _did_you_mean(given: str, known: list[str]) -> str:
    near = difflib.get_close_matches(given[:100].lower(), known, 1)
    return f". Did you mean `{near[0]}`?" if near else ""
