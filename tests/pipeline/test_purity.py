"""The core asks neither a clock nor chance: the same frames and rules give the same result.

import-linter forbids whole modules; this looks for what may be called of those allowed.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import matcher

CLOCK = {"now", "utcnow", "today"}
OF_A_CLOCK = {"datetime", "date", "Timestamp"}
# What makes a generator that is fair only with a seed.
SEEDED = {"default_rng", "RandomState", "Generator", "SeedSequence", "PCG64", "Philox", "Random"}
CHANCE_OF_FRAMES = {"sample"}


def dotted(node: ast.expr) -> str:
    """A name such as ``np.random.rand``; empty for anything else."""
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return node.id if isinstance(node, ast.Name) else ""


def full_names(tree: ast.AST) -> dict[str, str]:
    """What each imported name stands for."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                own = name.asname or name.name.split(".")[0]
                names[own] = name.name if name.asname else own
        elif isinstance(node, ast.ImportFrom):
            for name in node.names:
                names[name.asname or name.name] = f"{node.module}.{name.name}"
    return names


def is_seeded(call: ast.Call) -> bool:
    """Whether anything but None is given, as a generator's seed."""
    given = [*call.args, *(word.value for word in call.keywords)]
    return any(not isinstance(seed, ast.Constant) or seed.value is not None for seed in given)


def impurities(code: str) -> Iterator[str]:
    """Everything in the code that may give something else the next time."""
    tree = ast.parse(code)
    names = full_names(tree)
    called = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute | ast.Name) or not isinstance(node.ctx, ast.Load):
            continue
        first, _, rest = dotted(node).partition(".")
        whole = ".".join(part for part in (names.get(first, first), rest) if part)
        *before, last = whole.split(".")
        call = called.get(id(node))
        seeded = call is not None and is_seeded(call)
        clock = last in CLOCK and bool(OF_A_CLOCK & set(before))
        chance = before[:2] == ["numpy", "random"] and not (last in SEEDED and seeded)
        chance &= last[:1].islower() or call is not None
        sampled = isinstance(node, ast.Attribute) and last in CHANCE_OF_FRAMES and call is not None
        if sampled and call is not None:
            sampled = not any(word.arg == "random_state" for word in call.keywords)
        if clock or chance or sampled:
            yield f"line {node.lineno}: {whole or last}"


FILES = sorted(Path(matcher.__file__).parent.rglob("*.py"))


def test_the_core_asks_neither_clock_nor_unseeded_chance() -> None:
    assert len(FILES) > 50
    found = [
        f"{path.name} {where}"
        for path in FILES
        for where in impurities(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "import datetime\nx = datetime.datetime.now()",
        "import datetime as dt\nx = dt.date.today()",
        "from datetime import datetime\nx = datetime.now(tz=None)",
        "from datetime import date as day\nx = day.today()",
        "from datetime import datetime\nfield(default_factory=datetime.utcnow)",
        "import pandas as pd\nx = pd.Timestamp.now()",
        "from pandas import Timestamp\nx = Timestamp.today()",
        "import numpy as np\nx = np.random.rand(3)",
        "import numpy as np\nnp.random.shuffle(x)",
        "import numpy as np\nx = np.random.default_rng()",
        "import numpy\nx = numpy.random.RandomState()",
        "import numpy as np\nx = np.random.default_rng(seed=None)",
        "from numpy.random import default_rng\nx = default_rng()",
        "from numpy import random\nx = random.normal()",
        "import numpy as np\nfield(default_factory=np.random.default_rng)",
        "x = frame.sample(3)",
    ],
)
def test_a_clock_or_unseeded_chance_is_found(code: str) -> None:
    assert list(impurities(code))


@pytest.mark.parametrize(
    "code",
    [
        "from datetime import date\nx = date(2014, 5, 3)",
        "import datetime\nx = datetime.datetime.strptime(text, form)",
        "import numpy as np\nx = np.random.default_rng(seed)",
        "import numpy as np\nx = np.random.default_rng(seed=7).random(3)",
        "import numpy as np\ndef f(rng: np.random.Generator) -> None: ...",
        "x = frame.sample(3, random_state=7)",
        "now = 3\nx = now",
    ],
)
def test_what_gives_the_same_every_time_is_let_be(code: str) -> None:
    assert list(impurities(code)) == []
