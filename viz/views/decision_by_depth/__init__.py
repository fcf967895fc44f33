"""The network's answer, read out after every block."""
