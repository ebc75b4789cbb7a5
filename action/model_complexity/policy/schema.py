"""The JSON Schema of the policy file, for editors and linters. ``scripts/schema`` writes it to docs/."""

from __future__ import annotations

import json
from typing import Any

from model_complexity.policy.model import PATH, Policy

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def policy_schema() -> dict[str, Any]:
    """The schema, made from the model. It takes what YAML's readers make of a file: ``20000`` may be a number."""
    schema: dict[str, Any] = _plain(Policy.model_json_schema())
    return {"$schema": DIALECT, "$comment": f"Of {PATH}. Made by scripts/schema; do not edit.", **schema}


def policy_schema_text() -> str:
    """The schema as it is committed."""
    return json.dumps(policy_schema(), indent=2, ensure_ascii=False) + "\n"


def _plain(part: Any) -> Any:
    """Without what a reader of the schema has no use for: null and [] as defaults, and titles made from names."""
    if isinstance(part, list):
        return [_plain(each) for each in part if each != {"type": "null"}]
    if not isinstance(part, dict):
        return part
    kept = {key: _plain(value) for key, value in part.items() if not (key == "default" and value in (None, []))}
    if isinstance(kept.get("title"), str) and "$defs" not in kept:
        del kept["title"]
    only = kept.get("anyOf", [])
    return {**{key: value for key, value in kept.items() if key != "anyOf"}, **only[0]} if len(only) == 1 else kept


if __name__ == "__main__":
    print(policy_schema_text(), end="")
