"""Benchmarks: what the platform does, as a ratio to what the machine could do at best. ``python -m tests.bench``."""
