"""Evaluates churn, win-back and value out of time on a bare log of purchases."""
