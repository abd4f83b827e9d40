"""The rules. Standard library only; nothing here does I/O, reads a clock or makes an id."""
