"""What a preview of other thresholds says, in words that say what they count."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, update

from api.db.engine import writing
from api.db.models import Job, JobState, PreviewRow
from api.rest.service import Service, opened
from api.services.access.roles import Role
from api.services.previews import Wanted, ask_for_preview
from tests.databases import Databases
from tests.register_service.registers import shipped
from tests.register_service.reviewed import reviewed
from tests.rest.work import do_work
from tests.web.conftest import SignIn, token_in


@pytest.fixture
def service(databases: Databases, tmp_path: Path) -> Iterator[Service]:
    with reviewed(databases, tmp_path) as register, opened(register.engine, shipped()) as found:
        yield found


def asked_for(service: Service, wanted: Wanted) -> int:
    """A preview that waits for a worker; its number."""
    with writing(service.engine) as connection:
        return ask_for_preview(connection, wanted, by="test", now=datetime.now(UTC))


def test_a_preview_shows_how_far_it_is_and_names_what_it_counts(
    service: Service, sign_in: SignIn
) -> None:
    client = sign_in(Role.STEWARD)
    number = asked_for(service, Wanted(lower=0.0))
    address = f"/quality/previews/{number}"
    asked = {"HX-Request": "true"}
    waiting = client.get(address, headers=asked)
    assert "<progress" in waiting.text and "Check again" in waiting.text
    with writing(service.engine) as connection:
        connection.execute(update(Job).values(state=JobState.RUNNING))
    assert "Starting." in client.get(address, headers=asked).text
    with writing(service.engine) as connection:
        connection.execute(update(Job).values(state=JobState.QUEUED))
    do_work(service)
    assert client.get(address, headers=asked).headers["HX-Redirect"] == address
    told = client.get(address).text
    for words in ("Children new to the register", "Records that joined a child"):
        assert words in told
    assert "not worked out: no EYFS Profile results from eyfsp were given" in told
    assert ">hidden<" not in told
    assert "Gap in good level of development by free school meals" in told
    for raw in ("Gld", "Founded", "not told"):
        assert raw not in told


def test_a_preview_tells_children_not_pairs_and_what_home_will_tell(
    service: Service, sign_in: SignIn
) -> None:
    client = sign_in(Role.STEWARD)
    number = asked_for(service, Wanted(lower=0.0))
    do_work(service)
    children = [[f"{child:013}", f"{child:013}"] for child in range(100)]
    moved = {"before": 34, "gained": 113, "lost": 2, "after": 145}
    with writing(service.engine) as connection:
        found = dict(connection.execute(select(PreviewRow.found)).scalar_one())
        found["splits"] = {"count": 101, "of": 89, "children": children}
        found["possible"] = moved
        found["conflicts"] = {"before": 11, "gained": 0, "lost": 11, "after": 0}
        connection.execute(update(PreviewRow).values(found=found))
    shown = client.get(f"/quality/previews/{number}").text
    told = " ".join(re.sub(r"<[^>]+>", " ", shown).split())
    assert "Children split 89 " in told and "89 children would be split" in told
    assert "the first 100 of 101 lines" in told and "101 children" not in told
    assert "Possible links to decide 34 113 2 145" in told
    assert "Conflicts to settle 11 0 11 0" in told
    split, before = shown.index("89 children would be split"), shown.index("Put in force")
    assert split < before
    assert "open" not in shown[split - 150 : split]
    with writing(service.engine) as connection:
        few = {"count": 3, "of": 3, "children": children[:3]}
        connection.execute(update(PreviewRow).values(found={**found, "splits": few}))
    shown = client.get(f"/quality/previews/{number}").text
    split = shown.index("3 children would be split")
    assert '<details class="govuk-details" open>' in shown[split - 150 : split]


def test_a_preview_leads_to_no_child_who_is_not_there_yet(
    service: Service, sign_in: SignIn
) -> None:
    client = sign_in(Role.STEWARD)
    # All of one child's records but its own system's fall apart.
    number = asked_for(service, Wanted(lower=40.0, upper=90.0))
    do_work(service)
    shown = client.get(f"/quality/previews/{number}").text
    assert "to a new child" in shown
    named = set(re.findall(r'href="(/children/[^"/]+)"', shown))
    assert named
    assert {client.get(one).status_code for one in named} == {200}


def test_decisions_that_the_weights_go_against_are_told_to_hold(
    service: Service, sign_in: SignIn
) -> None:
    client = sign_in(Role.STEWARD)
    number = asked_for(service, Wanted(lower=0.0))
    do_work(service)
    with writing(service.engine) as connection:
        found = dict(connection.execute(select(PreviewRow.found)).scalar_one())
        newly = {"contradicted": [1, 2], "contradicted_already": 1}
        connection.execute(update(PreviewRow).values(found={**found, **newly}))
    told = client.get(f"/quality/previews/{number}").text
    assert (
        "With this change, the weights would go against what people decided on 2 pairs. "
        "These decisions still hold." in told
    )
    assert (
        "The weights already go against what a person decided on 1 pair, and would still do so. "
        "This decision still holds." in told
    )


def test_an_auditor_reads_of_a_preview_what_their_role_may_read(
    service: Service, sign_in: SignIn
) -> None:
    number = asked_for(service, Wanted(lower=40.0, upper=90.0))
    do_work(service)
    address = f"/quality/previews/{number}"
    steward, auditor = (sign_in(role).get(address).text for role in (Role.STEWARD, Role.AUDITOR))
    assert "How measures would move" in steward and 'href="/children/' in steward
    assert "How measures would move" not in auditor and "good level" not in auditor
    assert 'href="/children/' not in auditor
    assert "What would change" in auditor and "to a new child" in auditor
    for child in re.findall(r'href="/children/([^"]+)"', steward):
        assert child in auditor


def test_a_gap_between_groups_without_anybody_is_told_as_that(
    service: Service, sign_in: SignIn
) -> None:
    number = asked_for(service, Wanted(lower=0.0))
    do_work(service)
    nobody = {"numerator": 0, "denominator": 0, "value": None, "interval": None}
    with writing(service.engine) as connection:
        found = dict(connection.execute(select(PreviewRow.found)).scalar_one())
        one = next(one for one in found["measures"] if one["before"]["compared"])
        empty = {
            **one["before"],
            **{"why_not": None, "reception_year": 2023, "cohort": 3},
            "parts": [{"name": name, "text": name, "share": nobody} for name in ("yes", "no")],
        }
        found["measures"] = [{**one, "before": empty, "after": empty}]
        connection.execute(update(PreviewRow).values(found=found))
    client = sign_in(Role.STEWARD)
    shown = client.get(f"/quality/previews/{number}").text
    assert shown.count(">nobody to work it out of</td>") == 2
    assert ">hidden</td>" not in shown


def test_what_a_preview_says_of_the_queue_is_what_home_says_afterwards(
    service: Service, sign_in: SignIn
) -> None:
    client = sign_in(Role.STEWARD)
    number = asked_for(service, Wanted(lower=0.0, upper=40.0))
    do_work(service)

    def waiting() -> int:
        card = r'number">(\d+)</span>\s*<p[^>]*>\s*(?:<a[^>]*>)?possible link'
        found = re.search(card, client.get("/").text)
        assert found is not None
        return int(found[1])

    now = waiting()
    shown = client.get(f"/quality/previews/{number}").text
    told = " ".join(re.sub(r"<[^>]+>", " ", shown).split())
    counts = re.search(r"Possible links to decide (\d+) (\d+) (\d+) (\d+)", told)
    assert counts is not None
    assert int(counts[1]) == now != int(counts[4])
    csrf = token_in(shown)
    assert client.post(f"/quality/previews/{number}/commit", data={"csrf": csrf}).status_code == 303
    do_work(service)
    assert waiting() == int(counts[4])


def test_thresholds_are_typed_with_any_minus_sign_and_a_decimal_comma(
    service: Service, sign_in: SignIn
) -> None:
    client = sign_in(Role.STEWARD)
    shown = client.get("/quality?lower=−1,5&upper=6").text
    assert "−1.5 and 6" in shown and "There is a problem" not in shown
    token = token_in(client.get("/account").text)
    tried = {"csrf": token, "lower": "−1,5", "upper": "6"}
    asked = client.post("/quality/previews", data=tried)
    assert asked.headers["location"].startswith("/quality/previews/")
    assert "Lower threshold -1.5" in client.get(asked.headers["location"]).text.replace("−", "-")
    wrong = client.post("/quality/previews", data={**tried, "lower": "1.000,5"})
    assert "There is a problem" in client.get(wrong.headers["location"]).text
    back = client.post("/quality/previews", data={**tried, "lower": "−1,5", "upper": "−2"})
    assert back.headers["location"] == "/quality?lower=-1.5&upper=-2"


def test_a_chart_for_a_phone_is_narrower(service: Service, sign_in: SignIn) -> None:
    client = sign_in(Role.STEWARD)
    width = {}
    for narrow in ("0", "1"):
        drawn = client.get(f"/quality/weights.svg?narrow={narrow}").text
        width[narrow] = float(drawn.partition(' width="')[2].partition('"')[0])
    assert width["1"] <= 360 < width["0"]


def test_a_preview_that_somebody_discarded_meanwhile_changes_nothing_and_says_so(
    service: Service, sign_in: SignIn
) -> None:
    client = sign_in(Role.STEWARD)
    number = asked_for(service, Wanted(lower=0.0))
    do_work(service)
    address = f"/quality/previews/{number}"
    csrf = {"csrf": token_in(client.get(address).text)}
    assert client.post(f"{address}/discard", data=csrf).status_code == 303
    for act in ("commit", "discard"):
        late = client.post(f"{address}/{act}", data=csrf)
        assert late.status_code == 409
        assert f"Preview {number} was discarded. Nothing was changed." in late.text
    assert client.post("/quality/previews/99/commit", data=csrf).status_code == 404
    gone = client.get(address)
    assert gone.status_code == 410
    assert f"Preview {number} was discarded. It changed nothing." in gone.text
    assert 'href="/quality/previews"' in gone.text and "check it is correct" not in gone.text
    polled = client.get(address, headers={"HX-Request": "true"})
    assert polled.headers["HX-Redirect"] == address
    never = client.get("/quality/previews/99")
    assert never.status_code == 404 and "check it is correct" in never.text
