"""Who measures what several jobs share: the first of them does, and its answer is everybody's."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Tuple

from model_complexity.common.failures import FAILURE_KINDS

Job = Dict[str, Any]
Answer = Dict[str, Any]


class JobDeduplicator:
    """Jobs by key. A key comes out of a config's process, which can lie about its own result and those that it then shares."""

    def __init__(self) -> None:
        self._keys: Dict[int, str] = {}
        self._twins: Dict[str, List[Job]] = {}
        self._answers: Dict[str, Answer] = {}

    def claim(self, key: str, job: Job) -> bool:
        """Whether the answer to ``job`` is another's; if not, the job is the one that others with its key wait for."""
        owned = self._keys.get(job["job"]) == key
        if owned or key not in self._twins:
            self._keys[job["job"]] = key
            self._twins.setdefault(key, [])
            return False
        self._twins[key].append(job)
        return True

    def complete(self, job: Job, answer: Answer) -> None:
        """Takes a job's final answer."""
        key = self._keys.get(job["job"])
        if key is not None:
            self._answers[key] = answer

    def ready(self) -> Iterator[Tuple[Job, Answer]]:
        """The jobs whose answer has come, each once."""
        for key, answer in self._answers.items():
            kind = FAILURE_KINDS.get(str(answer.get("failure", {}).get("kind")))
            if kind is None or kind.shareable:
                while self._twins[key]:
                    yield self._twins[key].pop(0), answer

    def pending(self) -> List[Job]:
        """The jobs for which there is no answer to share: they are to be measured themselves."""
        return [job for duplicates in self._twins.values() for job in duplicates]
