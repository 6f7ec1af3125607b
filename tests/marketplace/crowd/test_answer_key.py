import hashlib
import json
from pathlib import Path

import pytest

from app.marketplace.crowd.answer_key import Entry, Vote, load, parse
from app.marketplace.crowd.behaviours import Choice, SeenItem
from app.marketplace.crowd.errors import BadAnswerKey
from tests.marketplace.crowd.published import key_line

SHOWN = (Choice.A, Choice.B, Choice.BOTH, Choice.NEITHER)
CAT = SeenItem(1, "dog", "cat", SHOWN, media_url="https://pictures.test/1.png")


def entry(line: str) -> Entry:
    return parse(line).entries[0]


def test_a_medium_is_found_by_its_address_its_bytes_or_its_text() -> None:
    digest = hashlib.sha256(b"bytes").hexdigest()
    lines = [
        key_line(url="https://pictures.test/1.png", truth="given"),
        key_line(sha256=digest.upper(), truth="both"),
        key_line(text="a  small\ntext", truth="neither"),
    ]
    key = parse("\n".join(lines))
    by_bytes = SeenItem(1, "cat", "dog", SHOWN, media_url="https://elsewhere.test/9.png")
    text = SeenItem(1, "cat", "dog", SHOWN, text="a small text")
    found = [key.find(CAT), key.find(by_bytes, sha256=digest), key.find(text), key.find(by_bytes)]
    assert [e and e.truth for e in found] == [Vote.GIVEN, Vote.BOTH, Vote.NEITHER, None]
    assert key.needs_bytes


def test_the_same_picture_with_other_labels_is_another_item() -> None:
    horse = {"url": "https://pictures.test/1.png", "given_label": "horse", "guessed_label": "cow", "truth": "guessed"}
    key = parse("\n".join([json.dumps(horse), key_line(url="https://pictures.test/1.png", truth="given")]))
    found = key.find(CAT)
    assert found is not None
    assert found.given_label == "cat"


def test_votes_are_said_in_the_words_of_the_page() -> None:
    cat = entry(key_line(url="u", truth="given"))
    assert cat.choice(Vote.GIVEN, CAT) is Choice.B
    assert cat.choice(Vote.GUESSED, CAT) is Choice.A
    assert cat.choice(Vote.NEITHER, CAT) is Choice.NEITHER


def test_the_most_frequent_vote_is_the_truth_where_none_is_given() -> None:
    assert entry(key_line(url="u", votes={"given": 1, "guessed": 3, "both": 1})).truth is Vote.GUESSED
    assert entry(key_line(url="u", votes={"given": 2, "guessed": 2, "neither": 1})).truth is None


def test_the_studys_own_file_is_read(study: Path) -> None:
    key = load(study / "cifar10_mturk.json")
    assert len(key.entries) == 275
    assert sum(len(found.votes) for found in key.entries) == 1375
    assert (key.entries[0].given_label, key.entries[0].guessed_label) == ("horse", "dog")


def test_a_digit_counted_under_both_names_in_the_study_keeps_five_votes(study: Path) -> None:
    assert {len(found.votes) for found in load(study / "mnist_mturk.json").entries} == {5}


def test_all_faults_are_listed_with_their_lines() -> None:
    lines = [
        key_line(truth="given"),
        key_line(url="u", truth="perhaps"),
        key_line(url="u"),
        key_line(url="u", votes={"given": -1}),
        key_line(url="u", votes={"neutral": 1}),
        key_line(sha256="abc", truth="given"),
        "[1]",
        json.dumps({"url": "u", "given_label": " ", "guessed_label": "dog", "truth": "given"}),
    ]
    with pytest.raises(BadAnswerKey) as caught:
        parse("\n".join(["", *lines]), name="key.jsonl")
    told = caught.value.problems
    assert [problem.partition(":")[0] for problem in told] == [f"key.jsonl, line {at}" for at in range(2, 10)]
    assert "needs one of url, sha256, text" in told[0]
    assert "'perhaps' is none of given, guessed, both, neither" in told[1]
    assert "needs truth or votes" in told[2]
    assert "needs given_label" in told[7]


@pytest.mark.parametrize("text", ["", "\n \n", "{", '[{"url": "u"', "[]", "null", "[" * 100_000])
def test_a_file_that_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(BadAnswerKey):
        parse(text)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    latin = tmp_path / "latin.jsonl"
    latin.write_bytes(b'{"url": "\xe9"}')
    for path in (tmp_path / "absent.jsonl", latin):
        with pytest.raises(BadAnswerKey, match=path.name):
            load(path)
