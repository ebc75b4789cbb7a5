custom_imports = {"imports": ["probes"]}
model = {"type": "Spy"}
