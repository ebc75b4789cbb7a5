"""Tests: unit, integration over real HTTP and git, the measuring half in its own environment, and the real container."""
