"""The room `load`: what the sources are, and how they are brought to the raw tables."""
