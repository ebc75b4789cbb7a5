"""The worker, tested in the worker environment."""
