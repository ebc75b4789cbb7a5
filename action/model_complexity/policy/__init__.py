"""The policy file: what a repository measures, and what it allows. Text that is read, never run."""

from model_complexity.policy.document import MAX_BYTES, Fault, PolicyError
from model_complexity.policy.model import PATH, Budget, Policy
from model_complexity.policy.reading import parse_policy

__all__ = ["MAX_BYTES", "PATH", "Budget", "Fault", "Policy", "PolicyError", "parse_policy"]
