"""Parse the bytes of a policy file into a `Policy`, or into issues with line, column and field."""

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

MAX_ISSUES: Final = 10
_RULES: Final[dict[str, type[BaseModel]]] = {"budgets": Budget, "ignore": IgnoreRule, "shapes-for": ShapesFor}
_MESSAGES: Final = {
    "tuple_type": "is not a list",
    "model_type": "is not a mapping",
    "string_type": "is not a string",
    "string_too_short": "is empty",
    "string_too_long": "is longer than {max_length} characters",
    "too_short": "is an empty list",
    "too_long": "has more than {max_length} items",
    "greater_than_equal": "is less than {ge}",
    "less_than_equal": "is more than {le}",
}


def parse_policy(content: bytes) -> Policy:
    """Parse a policy file.

    Raises:
        PolicyError: it is invalid; with the first ten issues in the order of the file.
    """
    document = read_document(content)
    try:
        return Policy.model_validate(document.data)
    except ValidationError as error:
        issues = {_issue(details, document) for details in error.errors(include_url=False, include_input=True)}
        raise PolicyError(*sorted(issues)[:MAX_ISSUES]) from None


def _issue(error: Any, document: Document) -> PolicyIssue:
    location: Location = error["loc"]
    if error["type"] == "extra_forbidden":
        position = document.keys.get(location, document.position(location))
        return PolicyIssue(*position, field_name(location), f"unknown field{_suggest_field(location)}")
    return PolicyIssue(*document.position(location), field_name(location), _message(error))


def _suggest_field(location: Location) -> str:
    model = _RULES.get(str(location[0]), Policy) if len(location) > 1 else Policy
    fields = [field.alias or name for name, field in model.model_fields.items()]
    return _did_you_mean(str(location[-1]), fields) or f". The fields are {', '.join(fields)}"


def _message(error: Any) -> str:
    error_type, context = error["type"], error.get("ctx", {})
    if error_type == "value_error":
        return str(context["error"])
    if error_type == "missing":
        return "is missing"
    if error_type == "literal_error":
        value, options = error["input"], _options(error["loc"])
        if not isinstance(value, str):
            return f"is not one of {', '.join(options)}"
        return f"{value[:40]!r} is not one of {', '.join(options)}{_did_you_mean(value, options)}"
    return _MESSAGES[error_type].format(**context) if error_type in _MESSAGES else str(error["msg"])


def _options(location: Location) -> list[str]:
    annotation: Any = _RULES[str(location[0])].model_fields[str(location[-1])].annotation
    options = [option for each in (annotation, *get_args(annotation)) for option in (get_args(each) or (each,))]
    return list(dict.fromkeys(option for option in options if isinstance(option, str)))


def _did_you_mean(value: str, options: list[str]) -> str:
    matches = difflib.get_close_matches(value[:100].lower(), options, 1)
    return f". Did you mean `{matches[0]}`?" if matches else ""
