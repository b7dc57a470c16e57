"""The demo company: a simulated Korean retailer, its seven source systems and its truth."""
