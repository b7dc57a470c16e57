"""The company's source systems: each a real one that takes the simulation's rows day by day."""
