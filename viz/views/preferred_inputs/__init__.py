"""Whether names predict what drives kernels."""
