"""What the pointwise weights connect."""
