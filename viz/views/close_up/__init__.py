"""One weight close up, and the network as a row of parts."""
