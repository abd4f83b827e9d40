"""Measurements for docs/benchmarks.md. Nothing here is a test: figures are printed, not asserted."""
