"""Compare the answers of the two workers in every figure, operator and module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from scripts.benchmarks.crosscheck.explained import ZEROS, Difference, explanation_of

Answer = dict[str, Any]
_METRICS = ("flops", "params", "activations")
_OF_ROWS = (*_METRICS, "shape")
_MOST_EXAMPLES = 5


@dataclass(frozen=True)
class _Outcome:
    """The state of one config: ``equal``, ``differs``, ``fails`` on both sides, or is ``gained``: measured only now."""

    state: str
    differences: tuple[Difference, ...] = ()


def compare_answers(library: str, traced: Mapping[str, Answer], recorded: Mapping[str, Answer]) -> dict[str, Any]:
    """Compare the answers for each config.

    Returns:
        ``equal``, ``differs``, ``fails`` and ``gained`` (lists of configs), ``explained`` (differences by their reason) and
        ``unexplained`` (differences). Equal configs may differ in rows that have a zero in place of no figure.
    """
    result: dict[str, Any] = {"equal": [], "differs": [], "fails": [], "gained": [], "explained": {}, "unexplained": []}
    for config, answer in traced.items():
        outcome = _compare(config, answer, recorded[config])
        reasons = [explanation_of(library, difference) for difference in outcome.differences]
        result["equal" if reasons and set(reasons) == {ZEROS} else outcome.state].append(config)
        for difference, reason in zip(outcome.differences, reasons, strict=True):
            explained = result["unexplained"] if reason is None else result["explained"].setdefault(reason, [])
            explained.append(asdict(difference))
    return result


def report(library: str, outcome: Mapping[str, Any]) -> str:
    """Return the outcome as text: the numbers of configs, the explained differences by reason, and each other difference."""
    unexplained = {difference["config"] for difference in outcome["unexplained"]}
    explained = len(outcome["differs"]) - len(unexplained)
    lines = [
        f"{library}: {len(outcome['equal'])} configs are equal in every figure, operator, module and condition.",
        f"{explained} differ in what is explained. {len(unexplained)} have other differences.",
        f"{len(outcome['fails'])} fail in both workers. {len(outcome['gained'])} are measured by the recording only.",
    ]
    lines += [f"GAINED {config}" for config in outcome["gained"]]
    for reason, differences in outcome["explained"].items():
        firsts = {difference["config"]: difference for difference in reversed(differences)}
        lines.append(f"EXPLAINED {reason} Configs: {len(firsts)}")
        shown = sorted(firsts)[:_MOST_EXAMPLES]
        lines += [f"  {config}: {_text(firsts[config])}" for config in shown]
        lines += [f"  and {len(firsts) - len(shown)} more"] * (len(firsts) > len(shown))
    lines += [f"DIFFERS {difference['config']}: {_text(difference)}" for difference in outcome["unexplained"]]
    return "\n".join(lines)


def _text(difference: Mapping[str, Any]) -> str:
    return f"{difference['what']}: {_value(difference['traced'])} → {_value(difference['recorded'])}"


def _value(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else "none" if value is None else str(value)


def _compare(config: str, traced: Answer, recorded: Answer) -> _Outcome:
    if "failure" in traced:
        return _Outcome("fails" if "failure" in recorded else "gained")
    if "failure" in recorded:
        failure = f"{recorded['failure']['kind']}: {recorded['failure']['message']}"
        return _Outcome("differs", (Difference(config, "outcome", "measured", failure),))
    old, new = dict(_facts(traced["measurement"])), dict(_facts(recorded["measurement"]))
    differences = tuple(
        Difference(config, what, old.get(what), new.get(what))
        for what in dict.fromkeys([*old, *new])
        if old.get(what) != new.get(what)
    )
    return _Outcome("differs" if differences else "equal", differences)


def _facts(measurement: Answer) -> Iterator[tuple[str, Any]]:
    """Yield what is compared, by name. The worker that traced has figures among the other fields."""
    figures = measurement.get("figures", measurement)
    yield from ((metric, figures[metric]) for metric in _METRICS)
    yield from ((f"operator {name}", flops) for name, flops in measurement["operators"].items())
    for module in measurement["modules"]:
        row = {**module, **module.get("figures", {})}
        yield f"row {module['name'] or '(model)'}", "present"
        yield from ((f"row {module['name'] or '(model)'} {key}", row[key]) for key in _OF_ROWS if key in row)
    yield "conditions", measurement["conditions"]
    yield from ((f"uncounted {name}", times) for name, times in measurement["unsupported_ops"]["uncounted"].items())
    yield "input shape", measurement["input_shape"]
