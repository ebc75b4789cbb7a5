"""Local git: subprocesses, the private repository, the working tree, changed files."""
