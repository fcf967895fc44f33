"""A view to copy: how large the kernels of each block are."""
