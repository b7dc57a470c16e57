"""Lists and briefings: what leaves the warehouse."""
