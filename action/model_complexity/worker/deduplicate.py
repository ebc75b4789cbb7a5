"""Measure equal jobs once: the first of them is measured, and its answer is shared."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Tuple

from model_complexity.common.failures import FAILURE_KINDS

Job = Dict[str, Any]
Answer = Dict[str, Any]


class JobDeduplicator:
    """Jobs by key. A key is untrusted: a config's process can forge its own result and those that share it."""

    def __init__(self) -> None:
        self._keys: Dict[int, str] = {}
        self._duplicates: Dict[str, List[Job]] = {}
        self._answers: Dict[str, Answer] = {}

    def claim(self, key: str, job: Job) -> bool:
        """Return whether the job waits for another's answer. If not, later jobs with its key wait for this one."""
        owned = self._keys.get(job["job"]) == key
        if owned or key not in self._duplicates:
            self._keys[job["job"]] = key
            self._duplicates.setdefault(key, [])
            return False
        self._duplicates[key].append(job)
        return True

    def complete(self, job: Job, answer: Answer) -> None:
        """Record a job's final answer."""
        key = self._keys.get(job["job"])
        if key is not None:
            self._answers[key] = answer

    def ready(self) -> Iterator[Tuple[Job, Answer]]:
        """Yield the waiting jobs whose answer is known, each once."""
        for key, answer in self._answers.items():
            kind = FAILURE_KINDS.get(str(answer.get("failure", {}).get("kind")))
            if kind is None or kind.shareable:
                while self._duplicates[key]:
                    yield self._duplicates[key].pop(0), answer

    def pending(self) -> List[Job]:
        """Return the waiting jobs without an answer to share, which must be measured themselves."""
        return [job for jobs in self._duplicates.values() for job in jobs]
