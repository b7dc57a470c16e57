"""The simple methods a model must beat, and what ships when it does not."""
