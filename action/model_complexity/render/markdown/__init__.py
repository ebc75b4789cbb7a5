"""The comment and the job summary, in GitHub-flavoured Markdown."""
