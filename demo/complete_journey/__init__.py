"""The published Complete Journey purchases as three source systems."""
