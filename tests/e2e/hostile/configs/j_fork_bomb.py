__import__("probes").bomb()
