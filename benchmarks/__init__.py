"""Benchmarks: one file each, found by `python -m benchmarks`."""
