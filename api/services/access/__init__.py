"""Who may do what, for which purpose, and the record of it."""
