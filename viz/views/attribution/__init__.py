"""Attributions and a measure of their trust."""
