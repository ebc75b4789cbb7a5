"""``python -m model_complexity``: the container's entry point."""

import sys

from model_complexity.cli import main

sys.exit(main())
