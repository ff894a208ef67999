"""Rules as frozen data: parsed from YAML, then validated, every mistake reported at once."""
