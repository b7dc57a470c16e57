"""Win-back: who of the lapsed customers will buy again within the horizon."""
