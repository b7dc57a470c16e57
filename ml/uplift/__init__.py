"""Whom contact changes: effects learned from a random control group."""
