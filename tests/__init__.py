"""Tests of everything. Folders that are packages share the helpers in ``tests.spec``."""
