"""Files to arrays to the input of a network; sets of images."""
