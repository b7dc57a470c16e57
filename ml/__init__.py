"""Identity, churn and win-back: who is who, who is about to leave, who can be won back, and why."""
