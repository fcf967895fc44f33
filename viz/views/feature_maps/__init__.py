"""Feature maps beside the kernels that made them."""
