"""A network at first sight: some kernels of every block, its patch filters, a sentence."""
