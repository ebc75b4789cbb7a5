__import__("probes").forge()

custom_imports = {"imports": ["nets"]}
model = {"type": "Net", "width": 4}
