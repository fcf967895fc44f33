"""A measure over a folder of images: accumulators, shards that survive, engines that scale out."""
