"""A Requester's script with capo-mturk from PyPI: HITs of one type, one call after the other or several at once.

Runs in a virtual environment of its own (`make clients`), so it imports nothing of ours. Reads one JSON object from its
standard input and prints how many seconds the calls took.
"""

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

from capo_mturk import MTurkClient  # type: ignore[import-not-found] # installed in another virtual environment

_clients = threading.local()


def publish(hit_type_id: str, question: str) -> None:
    """Create one HIT; each thread has a client of its own."""
    if not hasattr(_clients, "client"):
        _clients.client = MTurkClient()
    _clients.client.create_hit_with_hit_type(
        hit_type_id=hit_type_id, question=question, max_assignments=5, lifetime_in_seconds=604_800
    )


def main() -> None:
    """Create what is asked for."""
    asked = json.load(sys.stdin)
    hit_type_id, (first, *others) = asked["hit_type_id"], asked["questions"]
    publish(hit_type_id, first)  # connects
    with ThreadPoolExecutor(asked["at_once"]) as pool:
        started = perf_counter()
        list(pool.map(lambda question: publish(hit_type_id, question), others))
        print((perf_counter() - started) * (len(others) + 1) / len(others))


main()
