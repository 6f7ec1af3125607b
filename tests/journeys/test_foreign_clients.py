"""Tools that know nothing of us: plain boto3 and the aws CLI read, fetch and approve what the service published."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import boto3
import pytest
from botocore.exceptions import ClientError

from app.marketplace import crowd
from app.marketplace.crowd import CrowdPlan
from tests.journeys.conftest import live_batch, write_texts
from tests.stack import Part, RunningStack

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("foreign-clients")]

ITEMS = 4
HTML_QUESTION = "{http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2011-11-11/HTMLQuestion.xsd}"
ANSWERS = "{http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2005-10-01/QuestionFormAnswers.xsd}"


@pytest.fixture
def published(stack: RunningStack, tmp_path: Path) -> set[str]:
    """The ids of four HITs that the service published and nobody has answered. No runner is left to collect and approve."""
    batch_id = live_batch(stack, write_texts(tmp_path / "tea.csv", ITEMS), "--template", "text", "--assignments", "3")
    stack.stop(Part.JOBS)
    found = stack.rows("SELECT marketplace_hit_id FROM hits WHERE batch_id = :id", id=batch_id)
    return {row.marketplace_hit_id for row in found}


def answer_everything(stack: RunningStack) -> None:
    report = crowd.run_crowd(stack.marketplace_url, CrowdPlan(workers=3, seed=3))
    assert (report.submitted, report.failures) == (ITEMS * 3, 0), report.errors


def test_plain_boto3_reads_hits_fetches_assignments_and_approves_one(stack: RunningStack, published: set[str]) -> None:
    client = plain_client(stack)
    pages = client.get_paginator("list_hits").paginate(PaginationConfig={"PageSize": 3})
    listed = [hit for page in pages for hit in page["HITs"]]
    assert {hit["HITId"] for hit in listed} == published
    assert {(hit["Reward"], hit["MaxAssignments"], hit["NumberOfAssignmentsAvailable"]) for hit in listed} == {
        ("0.05", 3, 3)
    }
    hit = client.get_hit(HITId=min(published))["HIT"]
    question = ElementTree.fromstring(hit["Question"])
    assert question.tag == f"{HTML_QUESTION}HTMLQuestion"
    page = question.findtext(f"{HTML_QUESTION}HTMLContent") or ""
    assert "Would you like a cup of tea" in page
    assert "given" not in page

    answer_everything(stack)
    reviewable = client.get_paginator("list_reviewable_hits").paginate()
    assert {hit["HITId"] for page in reviewable for hit in page["HITs"]} == published
    assignments = client.list_assignments_for_hit(HITId=min(published))["Assignments"]
    assert {one["AssignmentStatus"] for one in assignments} == {"Submitted"}
    answers = ElementTree.fromstring(assignments[0]["Answer"])
    assert answers.tag == f"{ANSWERS}QuestionFormAnswers"
    assert "r1-choice" in {one.text for one in answers.iter(f"{ANSWERS}QuestionIdentifier")}
    client.approve_assignment(AssignmentId=assignments[0]["AssignmentId"], RequesterFeedback="Thank you, Ada")
    approved = client.get_assignment(AssignmentId=assignments[0]["AssignmentId"])["Assignment"]
    assert (approved["AssignmentStatus"], approved["RequesterFeedback"]) == ("Approved", "Thank you, Ada")
    with pytest.raises(client.exceptions.RequestError, match="does not exist"):
        client.get_hit(HITId="3" + "X" * 29)


def test_a_wrong_key_is_refused(stack: RunningStack) -> None:
    with pytest.raises(ClientError) as refused:
        plain_client(stack, secret="not the secret").get_account_balance()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] in {400, 401, 403}


def test_the_service_takes_in_what_a_foreign_tool_has_approved(stack: RunningStack, published: set[str]) -> None:
    answer_everything(stack)
    client = plain_client(stack)
    assignments = client.list_assignments_for_hit(HITId=min(published))["Assignments"]
    client.approve_assignment(AssignmentId=assignments[0]["AssignmentId"])
    stack.start(Part.JOBS)
    stack.wait_for("SELECT bool_and(status = 'done') FROM batches")
    assert stack.one("SELECT count(*) FROM assignments WHERE status = 'approved'").count == ITEMS * 3


def test_the_aws_cli_reads_hits_fetches_assignments_and_approves_one(
    stack: RunningStack, published: set[str], tmp_path: Path
) -> None:
    aws = AwsCli(stack, tmp_path)
    listed = aws.mturk("list-hits", "--page-size", "3")["HITs"]
    assert {hit["HITId"] for hit in listed} == published
    hit = aws.mturk("get-hit", "--hit-id", min(published))["HIT"]
    assert hit["Title"] == listed[0]["Title"]
    assert "Would you like a cup of tea" in hit["Question"]
    answer_everything(stack)
    assignments = aws.mturk("list-assignments-for-hit", "--hit-id", min(published))["Assignments"]
    assert len(assignments) == 3
    chosen = assignments[0]["AssignmentId"]
    aws.mturk("approve-assignment", "--assignment-id", chosen)
    assert aws.mturk("get-assignment", "--assignment-id", chosen)["Assignment"]["AssignmentStatus"] == "Approved"
    assert float(aws.mturk("get-account-balance")["AvailableBalance"]) > 0


class AwsCli:
    """The aws command with the environment that `labeljury marketplace credentials` prints."""

    def __init__(self, stack: RunningStack, home: Path) -> None:
        self.program = aws_program()
        self.endpoint = stack.marketplace_url
        printed = stack.labeljury("marketplace", "credentials")
        assert printed.returncode == 0, printed.stderr
        exports = dict(line.removeprefix("export ").split("=", 1) for line in printed.stdout.splitlines())
        assert exports.pop("AWS_ENDPOINT_URL_MTURK") == self.endpoint
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(home), "AWS_PAGER": "", **exports}

    def mturk(self, *arguments: str) -> dict[str, Any]:
        """The JSON that one command prints; nothing for those that print nothing."""
        done = subprocess.run(
            [self.program, "mturk", *arguments, "--endpoint-url", self.endpoint, "--output", "json"],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout or "{}")
        return answer


def aws_program() -> str:
    """The aws CLI of its own virtual environment, since it pins another botocore. Without it CI fails and others skip."""
    beside = Path(sys.prefix).with_name(Path(sys.prefix).name + "-awscli") / "bin" / "aws"
    program = Path(os.environ.get("LABELJURY_AWS_CLI") or beside)
    if program.is_file():
        return str(program)
    message = (
        f"NO AWS CLI at {program}: `make test` installs it from requirements-awscli.lock; or set LABELJURY_AWS_CLI"
    )
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def plain_client(stack: RunningStack, *, secret: str | None = None) -> "MTurkClient":
    """boto3 as everybody uses it."""
    return boto3.client(
        "mturk",
        region_name="us-east-1",
        endpoint_url=stack.marketplace_url,
        aws_access_key_id=stack.credentials.access_key_id,
        aws_secret_access_key=secret or stack.credentials.secret_access_key,
    )
