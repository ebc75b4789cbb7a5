__import__("probes").shout()

custom_imports = {"imports": ["nets"]}
model = {"type": "Net", "width": 4}
