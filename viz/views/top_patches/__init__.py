"""What drives channels most."""
