__import__("probes").kill(-1)
