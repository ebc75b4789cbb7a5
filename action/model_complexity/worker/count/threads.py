"""Have a context entered in the threads that a model starts: torch's modes are each thread's own."""

from __future__ import annotations

import contextlib
from threading import Thread
from typing import Any, Callable, ContextManager, Iterator

from model_complexity.worker.patch import patch_attribute


@contextlib.contextmanager
def recording_threads(make_context: Callable[[], ContextManager[Any]]) -> Iterator[None]:
    """Have a context around what each thread runs that is started within this one.

    Args:
        make_context: called in the thread that starts another one.
    """
    start = Thread.start

    def start_within(thread: Thread) -> None:
        context, run = make_context(), thread.run

        def run_within() -> None:
            with context:
                run()

        thread.run = run_within  # type: ignore[method-assign]
        start(thread)

    with patch_attribute(Thread, "start", start_within):
        yield
