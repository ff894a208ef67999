"""How many pairs are other children of one family, learnt without labels.

Among pairs that share birthday, surname and address, a child's own records mostly have one
forename, sometimes a changed or misspelt one; twins have another. The shapes of the two are
known from labelled pairs (the base model); here only their shares are estimated, by EM over
counts of forename levels. Where misspelt forenames explain the different ones, there are no
twins, and nothing speaks against such pairs.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matcher.rules.matching import Comparison
from matcher.rules.model import FamilyModel, Model
from matcher.table import MISSING, Mask

Floats = npt.NDArray[np.float64]
Patterns = npt.NDArray[np.int8]

_ITERATIONS = 500


@dataclass(frozen=True, slots=True)
class FamilyShares:
    """By level of the comparison that tells children apart (missing last), the share of
    matches; and ``others``, the share of other children among all pairs of the family.
    """

    matched: Floats
    others: float


def context(rules: list[Comparison], number: int, patterns: Patterns) -> Mask:
    """Patterns that share what twins share: the first level's levels of other comparisons.

    Comparisons that may be missing there, and the one that tells apart, are not looked at.
    """
    rule = rules[number]
    when = rule.levels[0].when
    conditions = (when.levels if when else None) or {}
    inside = np.ones(len(patterns), dtype=bool)
    for place, other in enumerate(rules):
        allowed = conditions.get(other.name)
        if allowed is None or "missing" in allowed or other.name == rule.told_apart_by:
            continue
        names = [level.name for level in other.levels]
        inside &= np.isin(patterns[:, place], [names.index(name) for name in allowed])
    return inside


def family_model(
    levels: npt.NDArray[np.int8], other_children: Floats, all_pairs: float, rule: Comparison
) -> FamilyModel:
    """The family model from labelled pairs: counts of non-matches by level, of all pairs."""
    places = levels[levels != MISSING]
    counts = np.bincount(places, other_children[levels != MISSING], len(rule.levels)) + 0.5
    shares = counts / counts.sum()
    return FamilyModel(
        share=float(f"{other_children.sum() / max(all_pairs, 1.0):.4g}"),
        levels={
            level.name: float(f"{share:.4g}")
            for level, share in zip(rule.levels, shares, strict=True)
        },
    )


def family_shares(
    levels: npt.NDArray[np.int8], count: Floats, rule: Comparison, base: Model, family: FamilyModel
) -> FamilyShares:
    """Shares of matches and of other children, by EM over three components of fixed shape.

    One component is the first level (the same forename), one all other levels in the base
    model's proportions of matches, one the other children's.
    """
    size = len(rule.levels)
    seen = np.bincount(levels[levels != MISSING], count[levels != MISSING], size)
    model = base.comparisons[rule.name]
    m = np.array([model[x.name].m or 0.0 if x.name in model else 0.0 for x in rule.levels])
    same = np.zeros(size)
    same[0] = 1.0
    changed = np.where(same > 0, 0.0, m)
    others = np.array([family.levels.get(x.name, 1e-6) for x in rule.levels])
    shapes = np.stack([same, changed / changed.sum(), others / others.sum()])
    weights = np.array([0.8, 0.1, 0.1])
    for _ in range(_ITERATIONS):
        joint = weights[:, None] * shapes
        share = joint / np.maximum(joint.sum(axis=0), 1e-300)
        weights = (share * seen).sum(axis=1)
        weights = np.maximum(weights / max(weights.sum(), 1.0), 1e-9)
    joint = weights[:, None] * shapes
    matched = joint[:2].sum(axis=0) / np.maximum(joint.sum(axis=0), 1e-300)
    return FamilyShares(np.append(matched, weights[:2].sum() / weights.sum()), float(weights[2]))
