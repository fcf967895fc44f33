"""Training a ConvMixer on a folder of images, and the recipes of the shipped checkpoints."""
