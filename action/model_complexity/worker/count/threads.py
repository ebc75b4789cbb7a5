"""Have a context entered in the threads that a model starts: torch's modes are each thread's own."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Any, Callable, ContextManager, Iterator

from model_complexity.worker.patch import patch_attribute


@contextlib.contextmanager
def recording_threads(make_context: Callable[[], ContextManager[Any]]) -> Iterator[None]:
    """Have a context around what each thread runs that is started within this one, or gets work from it through a pool.

    Args:
        make_context: called in the thread that starts another one.
    """
    start, submit = Thread.start, ThreadPoolExecutor.submit
    within = threading.local()

    def start_within(thread: Thread) -> None:
        context, run = make_context(), thread.run

        def run_within() -> None:
            within.is_entered = True
            with context:
                run()

        thread.run = run_within  # type: ignore[method-assign]
        start(thread)

    def submit_within(pool: ThreadPoolExecutor, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        context = make_context()

        def run_within() -> Any:
            if getattr(within, "is_entered", False):
                return function(*args, **kwargs)
            with context:  # a thread that was started before
                return function(*args, **kwargs)

        return submit(pool, run_within)

    with patch_attribute(Thread, "start", start_within), patch_attribute(ThreadPoolExecutor, "submit", submit_within):
        yield
