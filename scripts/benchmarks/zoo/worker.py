"""Measure other forms of a zoo's models than the product does, in forks of a process that has imported the library.

    job     {"config": …, "plan": true}                              its model's key and the sizes to try
    job     {"config": …, "shape": [C, H, W] or "auto", "form": "plain|head|deploy|modules"}
    answer  {"plan": {…}} or {"metrics": {…}} or {"failure": {"kind": …, "message": …}}, with "cpu" seconds

Jobs are JSON lines on stdin, answers are JSON lines on the given file descriptor. The last answer, at the end of stdin,
is ``{"usage": …}``.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.registry import MODELS

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "action"))

from model_complexity.worker import codebases, job
from model_complexity.worker import model_key as sharing
from model_complexity.worker.build import imports
from model_complexity.worker.build import model as building
from model_complexity.worker.config_sizes import candidate_sizes
from model_complexity.worker.count import analysis as counting
from model_complexity.worker.count import dry_run as dry
from model_complexity.worker.failure_of import failure_of
from model_complexity.worker.forks import Limits, in_fork, machine_memory

_METRICS = ("flops", "params", "activations", "operators", "entry_point", "mode", "parts")
_TRACED_WITHOUT_ITS_HEAD = "mmpretrain"
_WITH_REPARAMETERISED_PARTS = "mmyolo"
"""Whose models have such parts anywhere, which is known when they are built."""


def main(library: str, answers_fd: int, timeout: float) -> None:
    """Answer the jobs on stdin. Config paths are relative to the working directory."""
    limits = Limits(timeout, machine_memory())
    building.disable_network()
    imports.find_for_imports()
    building.import_library(library)  # here, so that no fork has to
    counting.warm_up()
    with os.fdopen(answers_fd, "w", encoding="utf-8") as answers:
        for line in sys.stdin:
            job_line = json.loads(line)
            before = _children().ru_utime + _children().ru_stime
            answer = _answer(job_line, limits)
            cpu = _children().ru_utime + _children().ru_stime - before
            answers.write(json.dumps({**answer, "cpu": round(cpu, 3)}) + "\n")
            answers.flush()
        answers.write(json.dumps({"usage": _usage()}) + "\n")


def _answer(request: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """Run dry; if the model's code fails, run real in another fork, as the product's worker does."""
    answer = in_fork(lambda: _measure(request, "dry"), limits)
    if answer.get("failure", {}).get("kind") in {"build", "forward"} and not request.get("plan"):
        answer = in_fork(lambda: _measure(request, "real"), limits)
    return answer


def _measure(request: dict[str, Any], mode: str) -> dict[str, Any]:
    config, stage = Path(request["config"]), ["load"]
    try:
        if request.get("plan"):
            return {"plan": _plan(building.load_config(config))}
        plain = request["form"] == "plain"
        counts = _plain(config, request["shape"], mode) if plain else _other(config, request, mode, stage)
    except _FailedError as error:
        return {"failure": error.args[0]}
    except (Exception, SystemExit) as error:
        return {"failure": failure_of(error, stage[0], str(Path.cwd()))}
    return {"metrics": {name: counts[name] for name in _METRICS if name in counts}}


class _FailedError(Exception):
    """A failure of the product's worker."""


def _plan(config: Any) -> dict[str, Any]:
    """Return the model's key, which equal models share, candidate sizes, and the possible forms."""
    scope = building.enter_scope(config)
    model = building.without_pretrained(config.model)
    return {
        "key": sharing.model_key(config, scope, ()) or config.filename,
        "sizes": candidate_sizes(config.to_dict()),
        "headless": scope == _TRACED_WITHOUT_ITS_HEAD,
        "deployable": scope == _WITH_REPARAMETERISED_PARTS
        or hasattr(_backbone_class(model, scope), "switch_to_deploy"),
    }


def _backbone_class(model: Any, scope: str) -> Any:
    kind = (model.get("backbone") or {}).get("type")
    with MODELS.switch_scope_and_registry(scope) as registry:
        return registry.get(kind) if isinstance(kind, str) else kind


def _plain(config: Path, shape: list[int] | str, mode: str) -> dict[str, Any]:
    """Measure as the product does."""
    answer = job.run_job(config, _shape(shape), mode=mode)
    assert answer is not None, "no job is deduplicated here"
    if "failure" in answer:
        raise _FailedError(answer["failure"])
    return _with_parts(answer["measurement"])


def _with_parts(counts: dict[str, Any]) -> dict[str, Any]:
    return {
        **counts,
        **counts["figures"],
        "parts": {
            module["name"]: module["figures"].get("flops") for module in counts["modules"] if module["depth"] == 1
        },
    }


def _shape(shape: list[int] | str) -> Any:
    return shape if isinstance(shape, str) else tuple(shape)


def _other(path: Path, request: dict[str, Any], mode: str, stage: list[str]) -> dict[str, Any]:
    """Measure with the head, in the deployed form, or with mmcv's counter."""
    config = building.load_config(path)
    stage[0] = "build"
    scope = building.enter_scope(config)
    codebase = codebases.codebase_of(scope)
    with contextlib.ExitStack() as stack:
        if mode == "dry":
            stack.enter_context(building.skip_initialization())
            stack.enter_context(dry.dry_run())
        model = building.build_model(config, scope)
        if request["form"] == "deploy":
            _deploy(model, scope)
        stage[0] = "count"
        entry_point = "forward" if request["form"] == "head" else codebase.entry_point(model)
        inputs = codebase.make_inputs(model, entry_point, codebase.resolve(config, _shape(request["shape"])), "cpu")
        codebase.before_forward(model, inputs)
        if request["form"] == "modules":
            return {**_by_modules(model, inputs.tensors), "entry_point": entry_point, "mode": mode}
        counts = _with_parts(counting.count(model, inputs.tensors))
    return {**counts, "entry_point": entry_point, "mode": mode}


def _by_modules(model: Any, tensors: Sequence[torch.Tensor]) -> dict[str, Any]:
    """Count with mmcv's counter, which counts modules but not functions."""
    from mmcv.cnn.utils.flops_counter import get_model_complexity_info

    run = model.forward
    model.forward = lambda **_: run(*tensors)
    with torch.no_grad(), contextlib.redirect_stdout(io.StringIO()):
        flops, params = get_model_complexity_info(
            model, (1,), print_per_layer_stat=False, as_strings=False, input_constructor=lambda _: {}
        )
    return {"flops": int(flops), "params": int(params)}


def _deploy(model: Any, scope: str) -> None:
    """Fuse training-only branches, as the library's conversion tool does."""
    if scope == _WITH_REPARAMETERISED_PARTS:
        from mmyolo.utils.misc import switch_to_deploy

        switch_to_deploy(model)
    for part in (getattr(model, "backbone", None), getattr(model, "head", None)):
        if hasattr(part, "switch_to_deploy"):
            part.switch_to_deploy()


def _children() -> Any:
    return resource.getrusage(resource.RUSAGE_CHILDREN)


def _usage() -> dict[str, float]:
    own = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "own_cpu": round(own.ru_utime + own.ru_stime, 2),
        "jobs_cpu": round(_children().ru_utime + _children().ru_stime, 2),
        "peak_kib": max(own.ru_maxrss, _children().ru_maxrss),
    }


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
