"""Code that several codebases share."""
