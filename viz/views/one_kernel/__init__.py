"""One depthwise kernel."""
