"""How a list travels to the people who work with it."""
