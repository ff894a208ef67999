"""JSON for other systems, under ``/v1``."""
