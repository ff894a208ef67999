"""How good a linkage is, given the truth.

``evaluate`` takes frames and gives one frozen result; ``render_text`` and ``as_dict`` show it.
Everything is counted from contingency tables (how many records of person p stand in cluster
c), never by listing pairs, so that a million records take seconds.
"""

from matcher.evaluate.evaluation import Evaluation, evaluate
from matcher.evaluate.links import LinkScores, ReliabilityBin
from matcher.evaluate.pairs import BCubed, GroupScores, PairScores
from matcher.evaluate.report import as_dict, render_text

__all__ = [
    "BCubed",
    "Evaluation",
    "GroupScores",
    "LinkScores",
    "PairScores",
    "ReliabilityBin",
    "as_dict",
    "evaluate",
    "render_text",
]
