"""How accurate and how fast linking is, beside its peers, measured in one run."""
