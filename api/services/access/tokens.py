"""Secrets that are shown once and kept as hashes.

They are 256 bits of chance, so that a plain hash is as good as a slow one.
"""

import hashlib
import secrets


def new_secret() -> str:
    """A secret that can stand in a URL."""
    return secrets.token_urlsafe(32)


def hash_of(secret: str) -> str:
    """What is kept of it."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
