"""Keep transformers and huggingface_hub offline, and explain what they miss then."""

from __future__ import annotations

import os
import re
import sys
from typing import Optional

_MISSING_FILE = re.compile(r"looks like (\S+) is not the path to a directory containing a file named (\S+)\.\s")
"""transformers' words on a name that it looked up on the hub. The sentence goes on to suggest an internet connection."""


def go_offline() -> None:
    """Keep huggingface_hub from requesting each missing file six times, over 23 seconds."""
    os.environ["HF_HUB_OFFLINE"] = "1"  # read on import
    if "huggingface_hub.constants" in sys.modules:
        vars(sys.modules["huggingface_hub.constants"])["HF_HUB_OFFLINE"] = True


def describe_missing_file(message: str) -> Optional[str]:
    """Return one line for the message of a file that is only on the hub, None for any other message."""
    hub = _MISSING_FILE.search(message)
    if hub is None:
        return None
    return f"{hub[2]} of {hub[1]!r} is not on this machine and the network is off. Name a folder that contains it."
