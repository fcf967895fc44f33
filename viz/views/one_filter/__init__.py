"""One patch filter."""
