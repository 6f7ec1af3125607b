"""Published tools, unmodified, each through create → work → list → approve → bonus → delete.

`aws mturk`, AWS's JavaScript SDK and capo-mturk are given their calls; mcp-server-mturk is a whole program of its own
and is spoken to in its own words.
"""

import json
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.secrets import Credentials
from tests.clients import pipes, tools
from tests.clients.tools import Refused, Tool
from tests.marketplace.people import Browser, hit_values

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("requester-tools")]

Enrol = Callable[[str], Browser]
StartTool = Callable[[str, Credentials, Path], Tool]


@pytest.mark.parametrize("start", [tools.aws_cli, tools.javascript_sdk, tools.capo])
def test_a_published_tool_leads_a_hit_through_its_whole_life(
    start: StartTool, marketplace: str, credentials: Credentials, worker: Enrol, tmp_path: Path
) -> None:
    ada, bob = worker("Ada"), worker("Bob")
    with start(marketplace, credentials, tmp_path) as tool:
        before = tool.call("GetAccountBalance")["AvailableBalance"]
        hit = tool.call("CreateHIT", **hit_values(MaxAssignments=2, Title="Füße & 脚", Reward="0.10"))["HIT"]
        assert (hit["HITStatus"], hit["Reward"], hit["Title"]) == ("Assignable", "0.10", "Füße & 脚")
        first, second = (one.work(hit["HITTypeId"], hit["HITId"], choice=f"A & {one.worker_id}") for one in (ada, bob))

        listed = tool.call("ListAssignmentsForHIT", HITId=hit["HITId"], MaxResults=100)
        assert [one["AssignmentId"] for one in listed["Assignments"]] == [first, second]
        assert f"A &amp; {ada.worker_id}" in listed["Assignments"][0]["Answer"]
        tool.call("ApproveAssignment", AssignmentId=first, RequesterFeedback="Danke schön")
        tool.call("RejectAssignment", AssignmentId=second, RequesterFeedback="")
        with pytest.raises(Refused, match="This operation can be called with a status of: Submitted"):
            tool.call("ApproveAssignment", AssignmentId=first)
        bonus = {"WorkerId": ada.worker_id, "AssignmentId": first, "BonusAmount": "0.25", "Reason": "Quick and right"}
        tool.call("SendBonus", **bonus, UniqueRequestToken="once")
        with pytest.raises(Refused, match="has already been processed"):
            tool.call("SendBonus", **bonus, UniqueRequestToken="once")
        (paid,) = tool.call("ListBonusPayments", HITId=hit["HITId"])["BonusPayments"]
        assert (paid["WorkerId"], paid["BonusAmount"], paid["Reason"]) == (ada.worker_id, "0.25", "Quick and right")
        tool.call("DeleteHIT", HITId=hit["HITId"])
        assert tool.call("ListHITs")["HITs"] == []
        with pytest.raises(Refused, match="does not exist"):
            tool.call("GetHIT", HITId="3" + "X" * 29)
        after = tool.call("GetAccountBalance")
    # Reward 0.10 and its fee 0.02, bonus 0.25 and its fee 0.05.
    assert Decimal(before) - Decimal(after["AvailableBalance"]) == Decimal("0.42")
    assert after["OnHoldBalance"] == "0.00"


def test_mcp_server_mturk_leads_a_hit_through_its_whole_life(
    marketplace: str, credentials: Credentials, worker: Enrol, tmp_path: Path
) -> None:
    ada = worker("Ada")
    program = pipes.installed(pipes.PYTHON_TOOLS / "bin" / "mcp-server-mturk", "mcp-server-mturk")
    with pipes.JsonPipe([program], pipes.environment(marketplace, credentials, tmp_path), tmp_path) as pipe:
        greet(pipe)
        hit = use(
            pipe, "create_hit", title="A question", description="Choose", reward="0.05", question_html=MCP_QUESTION
        )
        assert use(pipe, "list_hits")["hits"][0]["hit_id"] == hit["hit_id"]
        assignment_id = ada.work(hit["hit_type_id"], hit["hit_id"], answer="tea")
        (listed,) = use(pipe, "list_assignments", hit_id=hit["hit_id"])["assignments"]
        assert (listed["assignment_id"], listed["worker_id"]) == (assignment_id, ada.worker_id)
        assert "<FreeText>tea</FreeText>" in listed["answer"]
        assert use(pipe, "approve_assignment", assignment_id=assignment_id)["success"]
        given = {"worker_id": ada.worker_id, "assignment_id": assignment_id, "bonus_amount": "0.50"}
        assert use(pipe, "send_bonus", **given, reason="Thank you")["success"]
        assert use(pipe, "list_bonus_payments", hit_id=hit["hit_id"])["count"] == 1
        assert use(pipe, "delete_hit", hit_id=hit["hit_id"])["success"]
        assert use(pipe, "get_account_balance")["available_balance"] == "9999.34"


MCP_QUESTION = '<p>Tea or coffee?</p><input type="text" name="answer" required>'


def greet(pipe: pipes.JsonPipe) -> None:
    """Begin a session of the Model Context Protocol."""
    hello = {"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "tests", "version": "1"}}
    assert "result" in pipe.ask({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello})
    pipe.tell({"jsonrpc": "2.0", "method": "notifications/initialized"})


def use(pipe: pipes.JsonPipe, tool: str, **arguments: str) -> Mapping[str, Any]:
    """What one of the server's tools answers."""
    params = {"name": tool, "arguments": arguments}
    reply = pipe.ask({"jsonrpc": "2.0", "id": time.monotonic_ns(), "method": "tools/call", "params": params})
    text = reply["result"]["content"][0]["text"]
    assert text.startswith("{"), text
    answer: Mapping[str, Any] = json.loads(text)
    return answer
