"""The measuring half, tested in the analysis environment."""
