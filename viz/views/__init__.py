"""Every view in a folder of its own: card, measure, result, drawing, method."""
