"""The demo company: a simulated Korean retailer, its seven source systems and the truth about it."""
