"""Scoring end to end beside a bare read, `inplace_predict` and COPY of the same rows."""
