"""Clusters of depthwise kernels."""
