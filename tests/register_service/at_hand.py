"""Imported once by what forks workers: each then has the shipped rules at hand as it starts."""

import gc

from tests.register_service.registers import shipped

shipped()
gc.collect()
gc.freeze()
