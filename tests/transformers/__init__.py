"""Whole models of Hugging Face's transformers, tested in an environment of their own by scripts/transformers."""
