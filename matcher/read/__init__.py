"""Reading extracts: files of any state in, records, activity and rejects out."""

from matcher.read.examples import run_examples
from matcher.read.extract import read_extract
from matcher.read.heads import Head, heads
from matcher.read.notes import note_says
from matcher.read.result import FileCount, Note, ReadResult
from matcher.read.tables import Progress

__all__ = [
    "FileCount",
    "Head",
    "Note",
    "Progress",
    "ReadResult",
    "heads",
    "note_says",
    "read_extract",
    "run_examples",
]
