"""Twenty thousand requests that nobody in their right mind would send: the wire answers each, and nothing breaks.

CI sends the same ones every time. LABELJURY_FUZZ_SEED=random sends fresh ones, LABELJURY_FUZZ_SEED=<number> those of
a seed; LABELJURY_FUZZ_REQUESTS says how many.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.db.engine import Database
from app.marketplace.store import AccessKey, Requester
from app.secrets import Credentials
from tests.fuzzing.calls import Call, Envelope, calls
from tests.fuzzing.sending import Connection, Memory, Reply
from tests.marketplace.conftest import mturk_client
from tests.marketplace.people import Browser, publish
from tests.marketplace_invariants import broken_rules
from tests.marketplace_processes import MarketplaceProcess, marketplace_processes

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1800)]

SEED = os.environ.get("LABELJURY_FUZZ_SEED", "")
REQUESTS = int(os.environ.get("LABELJURY_FUZZ_REQUESTS", "20000"))
BATCH = 25
CONNECTIONS = 4
MALLORY = Credentials("LJMALLORY", "mallory's secret")
_WELL_SENT = (Envelope.SIGNED, Envelope.CHUNKED)


@pytest.fixture
def server(tmp_path: Path, database_url: str) -> Iterator[MarketplaceProcess]:
    with marketplace_processes(tmp_path, database_url) as (one,):
        yield one


@pytest.fixture
def people(server: MarketplaceProcess) -> Iterator[list[Browser]]:
    browsers = [Browser(server.url) for _ in range(3)]
    for number, one in enumerate(browsers):
        one.enrol(f"Worker {number}")
    yield browsers
    for one in browsers:
        one.close()


@dataclass(slots=True)
class Score:
    """What came of the calls so far. `reached`: by operation, those that were carried out."""

    statuses: Counter[int] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def send(self, connection: Connection, calls: list[Call]) -> None:
        """Send these one after another and judge the replies."""
        for call in calls:
            reply = connection.send(call)
            self.statuses[reply.status] += 1
            if fault := fault_of(call, reply):
                self.faults.append(fault)
            if reply.status == 200 and call.envelope in _WELL_SENT:
                self.reached[call.operation] += 1


def test_the_wire_survives_whatever_is_sent_to_it(
    server: MarketplaceProcess, people: list[Browser], database: Database, database_url: str
) -> None:
    add_mallory(database)
    memory = Memory()
    get_started(server, people, memory)
    score = Score()
    bombard_it(server, people, memory, score)

    assert server.process.poll() is None
    if not score.faults:
        mturk_client(server.url, server.credentials).get_account_balance()
    # One event a line: the end of one with a traceback says what happened, and where. All of it is written once it ended.
    server.process.terminate()
    server.process.wait(120)
    tracebacks = {line[-600:] for line in server.said().splitlines() if "Traceback" in line}
    problems = [*score.faults[:3], *sorted(tracebacks)[:5]]
    assert not problems, "\n\n".join(problems)
    assert score.statuses.total() >= REQUESTS
    assert broken_rules(database_url) == {}
    # The fuzz is worth something only if it got behind the door.
    assert score.reached.total() > REQUESTS / 20, score.reached
    assert score.reached.keys() >= {"CreateHIT", "GetHIT", "ApproveAssignment", "UpdateExpirationForHIT"}, score.reached


def bombard_it(server: MarketplaceProcess, people: list[Browser], memory: Memory, score: Score) -> None:
    """Send everything, over several connections at once."""
    with ExitStack() as stack:
        connections = [Connection(server.url, server.credentials, MALLORY, memory) for _ in range(CONNECTIONS)]
        for connection in connections:
            stack.callback(connection.close)
        pool = stack.enter_context(ThreadPoolExecutor(CONNECTIONS))
        under_way: list[Future[None]] = []

        @batches
        def bombard(batch: list[Call]) -> None:
            # While a batch is on its way hypothesis thinks of the next one.
            while under_way:
                under_way.pop().result()
            if score.faults:
                return  # hypothesis would print the whole batch; the first fault says more
            sent = score.statuses.total()
            score.faults.extend(some_work(people[sent % len(people)], memory, sent))
            shares = (batch[n::CONNECTIONS] for n in range(CONNECTIONS))
            under_way.extend(pool.submit(score.send, *pair) for pair in zip(connections, shares, strict=True))

        bombard()
        while under_way:
            under_way.pop().result()


def batches(bombard: Callable[[list[Call]], None]) -> Callable[[], None]:
    """Give the function batches of calls until enough are sent: always the same, or by the seed that was asked for."""
    wrapped = given(st.lists(calls(), min_size=BATCH, max_size=BATCH))(bombard)
    if SEED not in {"", "random"}:
        wrapped = hypothesis.seed(int(SEED))(wrapped)
    return settings(
        max_examples=-(-REQUESTS // BATCH),
        derandomize=SEED == "",
        database=None,
        deadline=None,
        # No shrinking: the server has changed meanwhile. The failing call stands in the message.
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )(wrapped)


def fault_of(call: Call, reply: Reply) -> str:
    """What is wrong with the reply; every one must be below 500, and an error must be JSON of MTurk's form."""
    told = f"{call} was answered {reply.status} {reply.body[:500]!r}"
    if call.envelope in (Envelope.OTHER_VERB, Envelope.OTHER_PATH, Envelope.TRUNCATED, Envelope.NOT_HTTP):
        return told if reply.status >= 500 else ""
    try:
        document = json.loads(reply.body)
        if reply.status == 200:
            return "" if may_succeed(call) else told
        shaped = 400 <= reply.status < 500 and document["__type"] and document["Message"].endswith(")")
    except (ValueError, LookupError, TypeError) as error:
        return f"{told}: {error!r}"
    return "" if shaped else told


def may_succeed(call: Call) -> bool:
    """Whether the call was sent in a way that a server may carry out."""
    if call.envelope is Envelope.OTHER_BODY:
        return call.body in ({}, b"{}")
    return call.envelope in (*_WELL_SENT, Envelope.STRANGE_HEADERS, Envelope.STRANGER)


def add_mallory(database: Database) -> None:
    """A second Requester, who has no business with the first one's things."""
    now = datetime.now(UTC)
    with database.transaction() as db:
        db.add(Requester(id="A1MALLORY", name="Mallory", available_usd=0, on_hold_usd=0, created_at=now))
        db.flush()
        db.add(
            AccessKey(
                access_key_id=MALLORY.access_key_id,
                secret_access_key=MALLORY.secret_access_key,
                requester_id="A1MALLORY",
                of_installation=False,
                created_at=now,
            )
        )


def get_started(server: MarketplaceProcess, people: list[Browser], memory: Memory) -> None:
    """HITs in several states, so that there is something to harm from the first call on."""
    client = mturk_client(server.url, server.credentials)
    for number in range(6):
        hit = publish(client, MaxAssignments=3, Title=f"Question {number % 2}")
        memory.learn("HITId", hit["HITId"])
        memory.learn("HITTypeId", hit["HITTypeId"])
        for one in people[: number % 4]:
            memory.learn("AssignmentId", one.work(hit["HITTypeId"], hit["HITId"]))
            memory.learn("WorkerId", one.worker_id)


def some_work(one: Browser, memory: Memory, sent: int) -> Iterator[str]:
    """Now and then a Worker takes what there is and hands it in; what the site broke at."""
    if (sent // BATCH) % 4:
        return
    types = memory.ids["HITTypeId"]
    shown = one.post(f"/projects/{types[sent % len(types)]}/tasks/accept_random")
    if shown.status_code >= 500:
        yield f"accepting at {shown.url} was answered {shown.status_code}"
    assignment_id = str(shown.url).rpartition("/assignments/")[2]
    if assignment_id.startswith("3"):
        memory.learn("AssignmentId", assignment_id)
        if (status := one.submit(assignment_id).status_code) >= 500:
            yield f"submitting {assignment_id} was answered {status}"
