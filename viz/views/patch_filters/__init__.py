"""Patch-embedding filters: colour, structure, measures."""
