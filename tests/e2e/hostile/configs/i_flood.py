__import__("probes").flood()

custom_imports = {"imports": ["nets"]}
model = {"type": "Net", "width": 4}
