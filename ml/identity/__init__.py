"""Decides which records of the sources are the same person, and counts how well they connect."""
