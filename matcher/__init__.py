"""The linkage core: extracts and rules in, a linked child register out.

Pure: no web, database, clock, environment or unseeded randomness. Reads like the
method: read → standardise → block → compare → weigh → classify → cluster → register.
"""
