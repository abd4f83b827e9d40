"""Measurements for docs/benchmarks.md. Figures are printed, not asserted."""
