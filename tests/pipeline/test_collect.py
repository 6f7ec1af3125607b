from app.jobs import stages
from tests.pipeline.conftest import House

FIVE = {"Ada": "given", "Bea": "given", "Cyd": "given", "Bob": "guessed", "Mallory": "neither"}


def poll(house: House) -> None:
    stages.run_collect(house.runtime, "local")


def test_a_quiet_poll_costs_only_the_list(house: House) -> None:
    batch_id = house.live(rows=120)
    house.collect(batch_id)
    house.wire.calls.clear()
    poll(house)
    assert dict(house.wire.calls) == {"ListHITs": 3}  # two pages of up to 100 and the empty one that ends the list


def test_a_poll_fetches_only_what_changed_with_one_call_each(house: House) -> None:
    batch_id = house.live(rows=4)
    first, second, *_ = house.rows("SELECT id FROM hits ORDER BY id")
    house.answer("Ada", first.id, lambda _: "given")
    house.answer("Bob", second.id, lambda _: "guessed")
    house.wire.calls.clear()
    poll(house)
    assert house.wire.calls["ListAssignmentsForHIT"] == 2
    house.collect(batch_id)
    house.wire.calls.clear()
    poll(house)
    assert house.wire.calls["ListAssignmentsForHIT"] == 0


def test_more_than_one_page_of_assignments_is_followed_to_the_end(house: House) -> None:
    from app.domain.vocabulary import MarketplaceHITId
    from app.mturk import reviewing

    house.live(rows=1, assignments_per_item=5)
    hit = house.one("SELECT id, marketplace_hit_id FROM hits")
    for name in FIVE:
        house.answer(name, hit.id, lambda _: "both")
    found = reviewing.list_assignments(
        house.marketplace,
        MarketplaceHITId(hit.marketplace_hit_id),
        expected=5,
        before_next_page=lambda: None,
        page_size=2,
    )
    assert len({assignment.assignment_id for assignment in found}) == 5


def test_collecting_twice_stores_nothing_twice(house: House) -> None:
    batch_id = house.live(rows=2)
    house.answer_all(batch_id, FIVE)
    for _ in range(3):
        house.execute("UPDATE hits SET polled_signature = NULL")
        house.collect(batch_id)
    assert house.one("SELECT count(*) AS n FROM assignments").n == 10
    assert house.one("SELECT count(*) AS n FROM responses").n == 10


def test_the_raw_answer_is_kept_even_if_it_cannot_be_read(house: House) -> None:
    batch_id = house.live(rows=1)
    hit = house.one("SELECT h.marketplace_hit_id, g.hit_type_id FROM hits h JOIN hit_groups g ON g.id = h.group_id")
    assignment_id = house.browser("Mallory").accept(hit.hit_type_id, hit.marketplace_hit_id)
    house.browser("Mallory").submit(assignment_id, **{"r1-choice": "<script>alert(1)</script>", "hello": "😀 ]]> &"})
    house.collect(batch_id)
    found = house.one("SELECT answer_state, problem, raw_answer, status FROM assignments")
    assert found.answer_state == "quarantined"
    assert found.problem
    assert "😀" in bytes(found.raw_answer).decode()
    assert found.status == "approved"
    assert house.rows("SELECT 1 FROM responses") == []


def test_answers_that_were_stored_but_not_read_are_read_later(house: House) -> None:
    batch_id = house.live(rows=1)
    house.answer_all(batch_id, FIVE)
    poll(house)  # and the runner dies here
    assert house.one("SELECT count(*) AS n FROM responses").n == 0
    stages.run_consensus(house.runtime, batch_id)
    assert house.one("SELECT count(*) AS n FROM responses").n == 5


def test_what_was_shown_is_recorded_in_the_owners_words(house: House) -> None:
    batch_id = house.live(rows=3)
    house.answer_all(batch_id, {"Ada": "guessed", "Bob": "cannot_tell"})
    house.collect(batch_id)
    rows = house.rows("SELECT option, cannot_tell, comment, order_shown, elapsed_ms FROM responses")
    assert {(row.option, row.cannot_tell, row.comment) for row in rows} == {
        ("guessed", False, ""),
        (None, True, "broken"),
    }
    assert {tuple(sorted(row.order_shown)) for row in rows} == {("both", "given", "guessed", "neither")}
    assert {row.elapsed_ms for row in rows} == {1500}


def test_work_submitted_after_the_hit_expired_is_still_collected(house: House) -> None:
    batch_id = house.live(rows=1, repost_limit=0)
    hit = house.one(
        "SELECT h.id, h.marketplace_hit_id, g.hit_type_id FROM hits h JOIN hit_groups g ON g.id = h.group_id"
    )
    late = house.browser("Ada").accept(hit.hit_type_id, hit.marketplace_hit_id)
    house.marketplace.client.update_expiration_for_hit(HITId=hit.marketplace_hit_id, ExpireAt=0)
    house.collect(batch_id)
    assert house.one("SELECT status FROM hits").status == "live"
    fields = {"r1-choice": "a", "r1-order": "a,b,both,neither", "r1-ms": "900", "r1-comment": ""}
    assert house.browser("Ada").submit(late, **fields).status_code == 200
    house.collect(batch_id)
    house.collect(batch_id)
    assert house.one("SELECT count(*) AS n FROM responses").n == 1
    assert house.one("SELECT status FROM hits").status == "done"
    assert house.one("SELECT status FROM batches").status == "done"


def test_a_hit_that_somebody_else_published_is_none_of_our_business(house: House) -> None:
    from tests.marketplace.people import publish

    publish(house.marketplace.client)
    batch_id = house.live(rows=1)
    house.answer_all(batch_id, FIVE)
    house.collect(batch_id)
    assert house.one("SELECT count(*) AS n FROM assignments").n == 5
