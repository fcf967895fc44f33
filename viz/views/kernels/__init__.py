"""Depthwise kernels by depth: names, shapes, descriptors."""
