"""Kernels before and after a training."""
