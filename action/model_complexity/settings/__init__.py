"""Settings of a run: action inputs, the runner's environment, their precedence."""
