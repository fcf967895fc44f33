"""Patch filters of two networks, matched."""
