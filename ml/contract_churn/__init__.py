"""Contract churn: who does not renew a service contract that ends soon."""
