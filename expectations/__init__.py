"""The three guards of the walk."""
