"""Churn: who of the live customers will not buy within the horizon."""
