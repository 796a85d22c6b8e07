"""Benchmarks: `python -m bench [name ...]` measures against the goals and prints Markdown tables."""
