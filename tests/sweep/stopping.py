"""What is told how a sweep goes: one listener remembers it, one stops the sweep."""


class Told:
    """Remembers what it was told."""

    def __init__(self):
        self.images = 0
        self.shards = []

    def step(self, images):
        assert images > 0
        self.images += images

    def finished(self, outcome):
        self.shards.append((outcome.shard, outcome.images, outcome.skipped))


class Stop:
    """Stops a sweep after some shards."""

    def __init__(self, after):
        self.after = after
        self.shards = []

    def step(self, images):
        pass

    def finished(self, outcome):
        self.shards.append(outcome.shard)
        if len(self.shards) == self.after:
            raise KeyboardInterrupt
