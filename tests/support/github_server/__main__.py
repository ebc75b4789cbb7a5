"""Run the server as a process: ``python -m tests.support.github_server --port 0 --state-file state.json``."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from tests.support.github_server.server import GitHubServer
from tests.support.github_server.state import State


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.support.github_server", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--state-file", type=Path, help="read at the start, written after each request")
    options = parser.parse_args()
    state = State()
    if options.state_file and options.state_file.exists():
        state = State.load(options.state_file.read_text(encoding="utf-8"))
    stops = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(
        signal.SIG_BLOCK, stops
    )  # before any thread starts: threads inherit the mask, and sigwait needs it
    with GitHubServer(state, port=options.port, state_file=options.state_file) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        signal.sigwait(stops)
    return 0


if __name__ == "__main__":
    sys.exit(main())
