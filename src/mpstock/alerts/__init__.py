"""What needs a person: conditions over the ledger, one list of what stands, notices that are told once."""
