"""The installed command, run as a person runs it, from a folder that holds nothing."""
