__import__("probes").linger()

custom_imports = {"imports": ["nets"]}
model = {"type": "Net", "width": 4}
