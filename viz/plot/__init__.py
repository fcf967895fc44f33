"""The style of figures, mosaics, and marks that several views share."""
