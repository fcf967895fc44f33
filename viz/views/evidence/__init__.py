"""What each patch and channel gives to each class."""
