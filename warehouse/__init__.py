"""The ground every room stands on: settings, policy, connections, schemas, the run ledger."""
