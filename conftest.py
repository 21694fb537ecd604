"""The harness is a pytest plugin; it lives in `fixtures/plugin.py`."""

pytest_plugins = ["fixtures.plugin"]
