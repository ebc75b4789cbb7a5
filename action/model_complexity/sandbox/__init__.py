"""Run untrusted code, the worker and the install command, without privileges and with limits."""
