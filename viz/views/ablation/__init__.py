"""What one channel, or its kernel, is worth to the answers."""
