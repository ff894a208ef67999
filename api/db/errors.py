"""What can go wrong with the database, as part of the tree of `matcher.errors`.

MatcherError
└── DatabaseError     the database cannot be used as it is
    ├── SchemaError   it is at another migration, or holds something else
    └── BackupError   an archive cannot be made, is damaged, or does not fit the target
"""

from matcher.errors import MatcherError


class DatabaseError(MatcherError):
    """The database cannot be opened or used. The message never quotes a password."""


class SchemaError(DatabaseError):
    """The tables of a database are not those that this version works with."""


class BackupError(DatabaseError):
    """A backup cannot be made or restored; the target is as it was."""
