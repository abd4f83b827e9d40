"""Constructs: one file each, keyword-only arguments, exposing resources rather than names."""
