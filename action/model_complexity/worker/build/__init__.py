"""Build the model of a config."""
