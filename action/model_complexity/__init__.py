"""Model Complexity: flops, params and activations of every config that a pull request touches."""

__version__ = "0.1.0"
