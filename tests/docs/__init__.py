"""Everything documented runs, and everything public is documented."""
