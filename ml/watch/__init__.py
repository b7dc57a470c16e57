"""Watch: whether tonight still looks like the training, and whether what was foretold came."""
