"""What the host and the worker both import: Python 3.9, the standard library and tabulate."""
