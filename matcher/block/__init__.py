"""Candidate pairs: the pairs of records that at least one blocking rule proposes."""

from matcher.block.index import BlockingKeys
from matcher.block.keys import EffectiveKey, GivenUp, RuleBlocks, effective_key
from matcher.block.pairs import candidate_pairs, sampled_pairs

__all__ = [
    "BlockingKeys",
    "EffectiveKey",
    "GivenUp",
    "RuleBlocks",
    "candidate_pairs",
    "effective_key",
    "sampled_pairs",
]
