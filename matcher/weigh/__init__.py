"""Fellegi–Sunter match weights, in bits: prior plus one partial weight per comparison."""

from matcher.weigh.weights import Weights

__all__ = ["Weights"]
