"""Tests: unit, integration over real HTTP and git, the worker in its own environment, and the real container."""
