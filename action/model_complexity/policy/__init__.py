"""The policy file: what a repository measures, and which budgets it sets."""

from model_complexity.policy.model import PATH, Budget, Policy
from model_complexity.policy.parse import parse_policy
from model_complexity.policy.yaml_document import MAX_BYTES, PolicyError, PolicyIssue

__all__ = ["MAX_BYTES", "PATH", "Budget", "Policy", "PolicyError", "PolicyIssue", "parse_policy"]
