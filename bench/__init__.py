"""Measures the harness itself: `python -m bench` its speed, `python -m bench.soak` its truth."""
