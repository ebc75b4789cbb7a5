"""Validates HTTP traffic against GitHub's OpenAPI description (npm: @octokit/openapi)."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from openapi_schema_validator import OAS30Validator, oas30_format_checker
from referencing import Registry, Resource, Specification
from tests.support.github_server import Exchange

FILE = Path("tests/node_modules/@octokit/openapi/generated/api.github.com.json")
INSTALL = "npm ci --ignore-scripts --prefix tests"
ROOT = "urn:github"
NOT_DESCRIBED = ("/graphql",)


class DescriptionMissingError(Exception):
    """GitHub's description is not installed."""


@dataclass(frozen=True)
class Operation:
    template: str
    method: str
    pattern: re.Pattern[str]

    @property
    def pointer(self) -> str:
        return f"/paths/{_escaped(self.template)}/{self.method}"


class Description:
    """GitHub's description, loaded once."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        _allow_deleted_forks(document)
        resource: Resource[Any] = Specification.OPAQUE.create_resource(document)
        self._registry: Registry[Any] = Registry().with_resource(ROOT, resource)
        self._operations = [
            Operation(template, method, _pattern(template))
            for template, methods in document["paths"].items()
            for method in methods
        ]

    def problems(self, exchange: Exchange) -> list[str]:
        """Return the violations of one request and its response."""
        if exchange.path in NOT_DESCRIBED:
            return []
        operation = self._operation(exchange)
        if operation is None:
            return [f"{exchange.method} {exchange.path}: no such operation"]
        violations = [
            *self._request(operation, exchange),
            *([] if exchange.faulty else self._response(operation, exchange)),
        ]
        return [f"{exchange.method} {exchange.path} ({exchange.status}): {violation}" for violation in violations]

    def _operation(self, exchange: Exchange) -> Operation | None:
        fitting = [
            operation
            for operation in self._operations
            if operation.method == exchange.method.lower() and operation.pattern.fullmatch(exchange.path)
        ]
        # /issues/comments/{id} and /issues/{number}/comments: the one with fewer blanks is meant
        return min(fitting, key=lambda operation: operation.template.count("{"), default=None)

    def _request(self, operation: Operation, exchange: Exchange) -> Iterator[str]:
        match = operation.pattern.fullmatch(exchange.path)
        values_by_place = {
            "path": {name: unquote(value) for name, value in (match.groupdict() if match else {}).items()},
            "query": dict(parse_qsl(exchange.query, keep_blank_values=True)),
        }
        described = self._parameters(operation)
        for place, values in values_by_place.items():
            known = {name: schema for (where, name), schema in described.items() if where == place}
            for name, value in values.items():
                if name not in known:
                    yield f"unknown {place} parameter {name!r}"
                else:
                    yield from self._errors(f"{place} parameter {name!r}", known[name], _cast(value, known[name]))
        yield from self._body(operation, exchange)

    def _body(self, operation: Operation, exchange: Exchange) -> Iterator[str]:
        pointer = f"{operation.pointer}/requestBody"
        described = self._at(pointer)
        if described is None:
            if exchange.body is not None:
                yield "a body where none is described"
            return
        schema = described["content"]["application/json"]["schema"]
        unknown = set(exchange.body or {}) - set(schema.get("properties", {}))
        if unknown:
            yield f"unknown body fields {sorted(unknown)}"
        reference = {"$ref": f"{ROOT}#{pointer}/content/application~1json/schema"}
        yield from self._errors("request body", reference, exchange.body)

    def _response(self, operation: Operation, exchange: Exchange) -> Iterator[str]:
        pointer = f"{operation.pointer}/responses/{exchange.status}"
        described = self._at(pointer)
        if described is None:
            if exchange.status not in {400, 401, 403, 404}:
                yield "a status that is not described"
            yield from self._errors("error", {"$ref": f"{ROOT}#/components/schemas/basic-error"}, exchange.response)
            return
        if "$ref" in described:
            pointer = described["$ref"].removeprefix("#")
        if self._at(f"{pointer}/content/application~1json"):
            schema = {"$ref": f"{ROOT}#{pointer}/content/application~1json/schema"}
            yield from self._errors("response", schema, exchange.response)

    def _parameters(self, operation: Operation) -> dict[tuple[str, str], Mapping[str, Any]]:
        common = self._at(f"/paths/{_escaped(operation.template)}/parameters") or []
        items = [*common, *(self._at(f"{operation.pointer}/parameters") or [])]
        resolved = [self._at(item["$ref"].removeprefix("#")) if "$ref" in item else item for item in items]
        return {(item["in"], item["name"]): item["schema"] for item in resolved if item}

    def _errors(self, what: str, schema: Mapping[str, Any], value: object) -> Iterator[str]:
        validator = OAS30Validator(schema, registry=self._registry, format_checker=oas30_format_checker)
        for error in validator.iter_errors(value):
            where = "/".join(map(str, error.absolute_path))
            yield f"{what}: {where}: {error.message[:300]}"

    def _at(self, pointer: str) -> Any:
        place: Any = self._document
        for part in pointer.split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(place, dict) or key not in place:
                return None
            place = place[key]
        return place


@functools.cache
def description(root: Path) -> Description:
    """Load GitHub's description.

    Args:
        root: the repository's root.

    Raises:
        DescriptionMissingError: it is not installed. The message has the command that installs it.
    """
    file = root / FILE
    if not file.is_file():
        message = f"{FILE} is missing. Run: {INSTALL}"
        raise DescriptionMissingError(message)
    return Description(json.loads(file.read_text(encoding="utf-8")))


def _allow_deleted_forks(document: dict[str, Any]) -> None:
    """Allow a null head repository, as GitHub sends when the fork was deleted; the description does not."""
    head = document["components"]["schemas"]["pull-request"]["properties"]["head"]["properties"]
    head["repo"] = {"anyOf": [head["repo"], {"type": "object", "nullable": True, "enum": [None]}]}


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{([^}]+)\}", template)
    blank = ".+" if template.endswith("/contents/{path}") else "[^/]+"  # a file's path keeps its slashes
    texts = [
        re.escape(part) if index % 2 == 0 else f"(?P<{_group(part)}>{blank if part == 'path' else '[^/]+'})"
        for index, part in enumerate(parts)
    ]
    return re.compile("".join(texts))


def _group(name: str) -> str:
    return name.replace("-", "_")


def _cast(text: str, schema: Mapping[str, Any]) -> object:
    if schema.get("type") == "integer" and text.removeprefix("-").isdecimal():
        return int(text)
    return text


def _escaped(text: str) -> str:
    return text.replace("~", "~0").replace("/", "~1")
