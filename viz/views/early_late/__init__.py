"""Early and late blocks, and two statements on them."""
