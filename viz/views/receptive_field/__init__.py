"""Receptive fields by depth, theoretical and effective."""
