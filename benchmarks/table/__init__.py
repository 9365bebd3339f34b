"""Every figure that is promised, beside its goal: one table, one JSON document, one picture."""
