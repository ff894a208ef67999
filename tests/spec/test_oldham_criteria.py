"""The match criteria of Oldham's screen, each as a blocking rule and as a comparison level.

A criterion alone would propose half the town, so each stands beside one other that agrees;
everything else about the two records differs.
"""

import pytest

from tests.spec.linking import levels, proposed

CRITERIA = {
    "forename (first 4)": """
        forename    | surname | date_of_birth | address      | postcode
        Christopher | Malik   | 2014-05-03    | 12 Mill Lane | OL1 1AA
        Christine   | Dyson   | 2016-11-20    | 80 Dale Road | OL1 1AA
    """,
    "surname (first 4)": """
        forename    | surname     | date_of_birth | address      | postcode
        Aisha       | Featherston | 2014-05-03    | 12 Mill Lane | OL1 1AA
        Zara        | Featley     | 2016-11-20    | 80 Dale Road | OL1 1AA
    """,
    "forename/surname swap": """
        forename    | surname | date_of_birth | address      | postcode
        Aisha       | Malik   | 2014-05-03    | 12 Mill Lane | OL1 1AA
        Malik       | Aisha   | 2016-11-20    | 80 Dale Road | OL9 5BB
    """,
    "date of birth": """
        forename    | surname | date_of_birth | address      | postcode
        Aisha       | Malik   | 2014-05-03    | 12 Mill Lane | OL1 1AA
        Zara        | Dyson   | 2014-05-03    | 80 Dale Road | OL1 1AA
    """,
    "date of birth (day/month swap)": """
        forename    | surname | date_of_birth | address      | postcode
        Aisha       | Malik   | 2014-05-03    | 12 Mill Lane | OL1 1AA
        Aisha       | Dyson   | 2014-03-05    | 80 Dale Road | OL9 5BB
    """,
    "postcode": """
        forename    | surname | date_of_birth | address      | postcode
        Aisha       | Malik   | 2014-05-03    | 12 Mill Lane | OL1 1AA
        Aisha       | Dyson   | 2016-11-20    | 80 Dale Road | OL1 1AA
    """,
    "address (first 5)": """
        forename    | surname | date_of_birth | address      | postcode
        Aisha       | Malik   | 2014-05-03    | 12 Mill Lane | OL1 1AA
        Zara        | Dyson   | 2016-11-20    | 12 Miller Rd | OL1 1AA
    """,
}

# Each with its criterion broken and everything else as before.
BROKEN = {
    "forename (first 4)": ("Christine", "Edward"),
    "surname (first 4)": ("Featley", "Dyson"),
    "forename/surname swap": ("Malik       | Aisha", "Malik       | Dyson"),
    "date of birth": ("Zara        | Dyson   | 2014-05-03", "Zara        | Dyson   | 2016-11-20"),
    "date of birth (day/month swap)": ("2014-03-05", "2016-11-20"),
    "postcode": ("80 Dale Road | OL1 1AA", "80 Dale Road | OL9 5BB"),
    "address (first 5)": ("12 Miller Rd", "80 Dale Road"),
}

LEVELS = {
    "forename (first 4)": ("forename", {"start", "near"}),
    "surname (first 4)": ("surname", {"start", "near"}),
    "forename/surname swap": ("forename", {"swapped"}),
    "date of birth": ("date_of_birth", {"same"}),
    "date of birth (day/month swap)": ("date_of_birth", {"swapped"}),
    "postcode": ("home", {"postcode"}),
    "address (first 5)": ("home", {"same"}),
}


@pytest.mark.parametrize("criterion", CRITERIA)
def test_a_pair_that_agrees_on_little_but_the_criterion_is_proposed(criterion: str) -> None:
    assert proposed(CRITERIA[criterion])


@pytest.mark.parametrize("criterion", CRITERIA)
def test_without_the_criterion_the_pair_is_not_proposed(criterion: str) -> None:
    agreeing, broken = BROKEN[criterion]
    assert CRITERIA[criterion].count(agreeing) == 1
    assert not proposed(CRITERIA[criterion].replace(agreeing, broken))


@pytest.mark.parametrize("criterion", CRITERIA)
def test_the_criterion_is_a_level_of_its_own(criterion: str) -> None:
    comparison, expected = LEVELS[criterion]
    assert levels(CRITERIA[criterion])[comparison] in expected
    agreeing, broken = BROKEN[criterion]
    assert levels(CRITERIA[criterion].replace(agreeing, broken))[comparison] not in expected
