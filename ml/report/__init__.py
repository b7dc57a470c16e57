"""The page that shows how good the models are, and when they are refused."""
