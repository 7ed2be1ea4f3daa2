"""What is kept: the ledger, jobs, authorizations, tokens."""
