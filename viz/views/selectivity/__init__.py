"""Sparsity and class selectivity by depth, from a sweep."""
