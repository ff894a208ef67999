"""XML files."""

from matcher.read.members import Member
from matcher.read.tables import Progress, RawTable
from matcher.rules.sources import SourceDefinition


def read_xml(
    member: Member, definition: SourceDefinition, progress: Progress | None
) -> list[RawTable]:
    """To come."""
    raise NotImplementedError
