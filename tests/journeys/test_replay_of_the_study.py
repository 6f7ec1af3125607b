"""The study's CIFAR-10 votes go the whole way over the wire and come out as the study counted them."""

import csv
import json
from decimal import Decimal
from pathlib import Path

import pytest

from app.marketplace import crowd
from app.marketplace.crowd import CrowdPlan
from tests.stack import running_stack

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("replay")]

OPTIONS = ("given", "guessed", "both", "neither")


@pytest.mark.timeout(1800)
def test_the_studys_cifar10_votes_give_the_studys_categories(study: Path, tmp_path: Path, database_url: str) -> None:
    source = study / "cifar10_mturk.json"
    votes = {str(item["id"]): item for item in json.loads(source.read_text())}
    items = tmp_path / "cifar10.csv"
    with items.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "url", "given_label", "guessed_label"])
        for item_id, item in votes.items():
            names = item["given_original_label_name"], item["our_guessed_label_name"]
            writer.writerow([item_id, item["url"], *names])

    with running_stack(tmp_path, database_url) as stack:
        for command in (["batch", "create", items, "--template", "image"], ["batch", "launch", "1"]):
            done = stack.labeljury(*command)
            assert done.returncode == 0, done.stderr
        stack.wait_for("SELECT count(*) = 275 FROM hits WHERE status = 'live'", within_s=400)

        plan = CrowdPlan(workers=5, key=crowd.load(source), replay=True, seed=20, patience_s=5)
        report = crowd.run_crowd(stack.marketplace_url, plan)
        assert (report.submitted, report.votes_left, report.failures) == (1375, 0, 0), report.errors
        stack.wait_for("SELECT status = 'done' FROM batches WHERE id = 1", within_s=600)

        categories = stack.rows("SELECT category, count(*) AS n FROM consensus GROUP BY category")
        assert {row.category: row.n for row in categories} == {
            "non-error": 221,
            "correctable": 18,
            "neither": 4,
            "non-agreement": 32,
        }
        counted = stack.rows(
            "SELECT i.external_id AS id, r.option, count(*) AS n FROM responses r JOIN items i ON i.id = r.item_id"
            " GROUP BY i.external_id, r.option"
        )
        found = {item_id: dict.fromkeys(OPTIONS, 0) for item_id in votes}
        for row in counted:
            found[row.id][row.option] = row.n
        assert found == {item_id: {o: item["mturk"].get(o, 0) for o in OPTIONS} for item_id, item in votes.items()}

        paid = stack.one("SELECT sum(amount_usd) AS usd FROM payments WHERE status = 'paid'").usd
        assert paid == 1375 * (Decimal("0.05") + Decimal("0.01"))

        out = tmp_path / "consensus.csv"
        assert stack.labeljury("export", "1", "consensus", "--out", out).returncode == 0
        with out.open(newline="") as file:
            lines = list(csv.DictReader(file))
        assert [line["id"] for line in lines] == list(votes)
        assert all({o: int(line[o]) for o in OPTIONS} == found[line["id"]] for line in lines)
