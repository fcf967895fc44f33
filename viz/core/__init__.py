"""What every room uses: results, refusals, views, the bootstrap."""
