"""Filters and kernels as they stand."""
