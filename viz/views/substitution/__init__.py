"""Whether descriptions of weights explain the network."""
