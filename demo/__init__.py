"""Source systems to run the walk on."""
