"""The service around the linkage core."""
