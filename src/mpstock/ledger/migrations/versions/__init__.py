"""The schema changes, oldest first; see `mpstock.ledger.migrating`."""
