__import__("probes").kill(__import__("os").getppid())
