"""Result types: frozen, numpy only, with provenance."""
