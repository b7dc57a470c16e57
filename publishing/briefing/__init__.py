"""The page that says in the morning what happened in the night."""
