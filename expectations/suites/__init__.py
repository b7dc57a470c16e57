"""One module per door: what is demanded there."""
