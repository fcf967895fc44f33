"""The network, and whatever file holds one."""
