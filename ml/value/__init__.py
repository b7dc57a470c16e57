"""Expected spend over the next year, with an interval, and the classes that follow from it."""
