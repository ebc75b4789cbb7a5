"""The data model of the package: Report > Entry > Result > Measurement | Failure.

Everything that comes from the worker or from a report file is untrusted and passes through these classes, which
bound and validate it. A figure is an exact integer here; rounding happens only where text is made.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, FailFast, Field, StringConstraints, model_validator

from model_complexity.common.failures import FAILURE_KINDS
from model_complexity.common.metrics import METRICS
from model_complexity.common.shapes import LARGEST_NAMED, MOST_INPUTS, parse_shape

REPORT_VERSION: Literal[2] = 2

if TYPE_CHECKING:
    MetricName = str
else:
    MetricName = Literal[tuple(METRICS)]


def _canonical(text: str) -> str:
    requested = parse_shape(text)
    if requested != text:
        raise ValueError("is not `auto`, nor inputs by name")
    return text


def _every_metric(figures: dict[str, int]) -> dict[str, int]:
    missing = [name for name in METRICS if name not in figures]
    if missing:
        raise ValueError(f"lacks {', '.join(missing)}")
    return {name: figures[name] for name in METRICS}  # in our order, whatever the answer's


def _few_names(shared: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    if sum(map(len, shared.values())) > 20_000:
        raise ValueError("has more than 20,000 names")
    return shared


def _known_kind(kind: str) -> str:
    if kind not in FAILURE_KINDS:
        raise ValueError(f"is not one of {', '.join(FAILURE_KINDS)}")
    return kind


Count = Annotated[int, Field(ge=0, lt=2**63)]
"""A figure of a metric, or a number of occurrences. One multiply-accumulate is one flop, as in fvcore."""
Text = Annotated[str, StringConstraints(max_length=500)]
LongText = Annotated[str, StringConstraints(max_length=20_000)]
ConfigPath = Annotated[str, StringConstraints(min_length=1, max_length=4_096)]
Figures = Annotated[dict[MetricName, Count], AfterValidator(_every_metric)]
"""A whole model's figure of each metric."""
Names = Annotated[dict[Text, Count], Field(max_length=500)]
"""How often something of a name occurred, or how much it costs."""
ModuleName = Annotated[str, StringConstraints(max_length=1_000)]
"""The whole model's is ""."""
MOST_HOLDERS = 20
"""Modules that the worker names for one uncounted operator. More may run it."""
Shape = Annotated[tuple[Annotated[int, Field(ge=1, le=LARGEST_NAMED)], ...], Field(min_length=1, max_length=8)]
InputSpec = Shape | Annotated[str, StringConstraints(max_length=1_500), AfterValidator(_canonical)]
"""A requested input: (C, H, W) of one image, ``auto``, or inputs by name, e.g. ``img=3x224x224 points=40000x4``."""
Sha = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
FailureKind = Annotated[str, AfterValidator(_known_kind)]
"""Why a job gave no numbers: a key of ``common.failures.FAILURE_KINDS``."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Module(_Data):
    """One module or parameter of the model.

    A parameter has ``shape``. A module that did not run has no figure of the metrics that depend on a run. One that ran without
    counted work has figures of 0.
    """

    name: ModuleName
    depth: Annotated[int, Field(ge=0, le=1_000)]
    figures: dict[MetricName, Count] = {}
    """Of the metrics that are known for it."""
    shape: Annotated[tuple[Count, ...], Field(max_length=8)] | None = None


class UnsupportedOps(_Data):
    """Operators that were seen and not counted, with how often they occurred, e.g. ``{"aten::fft_rfft2": 3}``."""

    negligible: Names = {}
    uncounted: Names = {}
    modules: Annotated[
        dict[Text, Annotated[tuple[ModuleName, ...], Field(max_length=MOST_HOLDERS), FailFast()]], Field(max_length=500)
    ] = {}
    """The modules whose own code ran an uncounted operator, by operator."""
    reasons: Annotated[dict[Text, Text], Field(max_length=500)] = {}
    """Why an uncounted operator has no formula, in a few words, by operator. An unknown operator has no reason."""


class Versions(_Data):
    """The library versions used for counting."""

    python: Text
    torch: Text
    fvcore: Text
    mmengine: Text


class Deployed(_Data):
    """The figures of a model in the form that it is deployed in, such as RepVGG with its branches fused into one."""

    figures: Figures


class Measurement(_Data):
    """The counted complexity of one config at one shape."""

    figures: Figures
    input_shape: Shape
    """The resolved shape, batch dimension first: (1, C, H, W). Of several inputs, the first."""
    inputs: Annotated[dict[Text, Shape], Field(max_length=MOST_INPUTS)] = {}
    """Every input by name with its batch dimension, where inputs are requested by name."""
    modules: Annotated[tuple[Module, ...], Field(max_length=20_000), FailFast()]
    """Each with a name of its own."""
    operators: Names = {}
    """Flops by operator, as fvcore names them (``conv``, ``linear``, …); their sum is the figure of ``flops``."""
    unsupported_ops: UnsupportedOps
    uncalled_modules: Annotated[tuple[Text, ...], Field(max_length=20_000), FailFast()] = ()
    """Modules that did not run in the forward pass."""
    shared_modules: Annotated[
        dict[ModuleName, Annotated[tuple[ModuleName, ...], Field(max_length=2_000), FailFast()]],
        Field(max_length=2_000),
        AfterValidator(_few_names),
    ] = {}
    """Modules with several names: the first name -> the others. The first name's row has the work of all of them."""
    stubbed_ops: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    """Compiled operators that are not installed, so only their shapes are computed. See ``worker.build.stub_extension``."""
    conditions: Annotated[tuple[Text, ...], Field(max_length=20)] = ()
    """Values and exclusions that the figures depend on, in a few words each: ``1,000 proposals``, ``without post-processing``."""
    deployed: Deployed | None = None
    """Where it is requested (``deploy``) and differs from the form that the config builds."""
    deployed_failure: Text = ""
    """Why that form could not be counted."""
    entry_point: Text
    """Name of the method that was run, e.g. ``extract_feat``."""
    device: Text
    mode: Literal["real", "dry"]
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    versions: Versions

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        # A table of them joins children by name: n rows of one name would be written n times each.
        if len({module.name for module in self.modules}) < len(self.modules):
            raise ValueError("two modules have the same name")
        return self


class Failure(_Data):
    """Why there are no numbers: a one-line message, a one-line hint for the author, and the detail (a traceback).

    Message and detail are untrusted. The hint is one of the kind's own.
    """

    kind: FailureKind
    message: Text
    hint: Text
    detail: LongText = ""

    @model_validator(mode="before")
    @classmethod
    def _known_hint(cls, data: Any) -> Any:
        # An answer comes through a process of the pull request's, and its hint may be anything: we show only our own.
        kind = FAILURE_KINDS.get(str(data.get("kind"))) if isinstance(data, dict) else None
        if kind is None or data.get("hint") in kind.hints:
            return data
        return {**data, "hint": kind.hint}


class Answer(_Data):
    """One line of the worker's pipe: the outcome of one job."""

    job: Annotated[int, Field(ge=0)]
    measurement: Measurement | None = None
    failure: Failure | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.measurement is None) == (self.failure is None):
            raise ValueError("an answer is either a measurement or a failure")
        return self

    @property
    def result(self) -> Result:
        """The measurement or the failure."""
        result = self.measurement or self.failure
        if result is None:  # ruled out by the validator
            raise AssertionError
        return result


class Target(_Data):
    """A config chosen for measuring, and why.

    ``config`` is its path at head (None when the pull request deletes it), ``base_config`` its path at the merge base
    (None when it is new; another path when it was renamed), ``through`` the changed base file that leads to it.
    """

    config: ConfigPath | None
    base_config: ConfigPath | None
    reason: Literal["added", "modified", "renamed", "deleted", "inherited", "requested"]
    through: ConfigPath | None = None

    @property
    def name(self) -> str:
        """The path to show: at head, or at the base for a deleted config."""
        name = self.config or self.base_config
        if name is None:
            raise AssertionError
        return name

    @model_validator(mode="after")
    def _has_a_path(self) -> Self:
        if self.config is None and self.base_config is None:
            raise ValueError("a target has a path on at least one side")
        return self


class DiscoveryWarning(_Data):
    """Something discovery could not read, e.g. a ``_base_`` that holds a call. The file was not run."""

    config: ConfigPath
    message: Text


Result = Measurement | Failure


class Entry(_Data):
    """One config at one shape, measured at head and at the merge base (None: absent, or not requested)."""

    target: Target
    shape: InputSpec
    head: Result | None
    base: Result | None

    @model_validator(mode="after")
    def _has_a_side(self) -> Self:
        if self.head is None and self.base is None:
            raise ValueError("an entry has a result on at least one side")
        return self

    @property
    def primary(self) -> Result:
        """The result that an entry is about: head's, or the base's for a deleted config."""
        result = self.head or self.base
        if result is None:  # ruled out by the validator
            raise AssertionError
        return result


class BudgetCheck(_Data):
    """The outcome of one budget for one entry.

    ``ok``; ``near`` (at least nine tenths of an absolute limit); ``exceeded``; ``already_exceeded`` (by the base too, and head
    is no worse); ``ignored`` (exceeded, with the ``reason`` of an ignore rule).
    """

    config: ConfigPath
    shape: InputSpec
    metric: MetricName
    rule: Literal["max", "max-increase"]
    limit: Annotated[str, StringConstraints(max_length=60, pattern=r"^[0-9.]+[KMGTP]?%?$")]
    """As the policy writes it, e.g. ``5G`` or ``3%``."""
    max_value: Count
    """The largest value that keeps it; for ``max-increase``, computed from the base."""
    head: Count
    base: Count | None
    state: Literal["ok", "near", "exceeded", "already_exceeded", "ignored"]
    level: Literal["warn", "fail"]
    reason: Text | None = None


Verdict = Literal["pass", "warn", "fail", "unknown"]


def verdict_of(checks: Iterable[BudgetCheck]) -> Verdict:
    """Return the worst level of the exceeded budgets; ``pass`` if none is exceeded."""
    levels = {check.level for check in checks if check.state == "exceeded"}
    return "fail" if "fail" in levels else "warn" if levels else "pass"


class Report(_Data):
    """The result of one run, written to disk as versioned JSON. Rendering needs nothing else."""

    version: Literal[2] = REPORT_VERSION
    repository: Text
    pull_request: Annotated[int, Field(ge=1)] | None = None
    head: Sha
    base: Sha | None = None
    """The merge base, or None when only one side was measured."""
    entries: tuple[Entry, ...] = ()
    not_measured: tuple[Target, ...] = ()
    """Targets beyond ``max-configs``."""
    warnings: tuple[DiscoveryWarning, ...] = ()
    budgets: tuple[BudgetCheck, ...] = ()
    """Every budget that the policy sets for what was measured at head, in the order of the entries."""
    policy: Literal["none", "applied", "not_applied"] = "none"
    """Whether the repository has a policy that applies; ``not_applied``: it has one, which cannot be read (a note says why)."""
    notes: tuple[LongText, ...] = ()
    """Sentences that the reader must know, e.g. that no history was there and the base was not measured."""
    tool: Text
    """Version of Model Complexity."""
    run_url: Text | None = None

    @property
    def verdict(self) -> Verdict:
        """The result of all budgets; ``unknown`` if the repository's policy cannot be read."""
        return "unknown" if self.policy == "not_applied" else verdict_of(self.budgets)

    @property
    def failed(self) -> tuple[Entry, ...]:
        """The entries that have no numbers at head."""
        return tuple(entry for entry in self.entries if isinstance(entry.head, Failure))
