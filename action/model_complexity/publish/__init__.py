"""Publish a report: files, outputs, annotations and the comment."""
