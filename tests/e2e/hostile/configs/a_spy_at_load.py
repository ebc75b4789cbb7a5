raise RuntimeError("learned: " + __import__("probes").spy("load"))
