"""What a fuzzer says to the wire: calls generated from the service model, right and wrong ones.

Real ids are not known when a call is generated: `Known` stands for one and is filled in when the call is sent.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from botocore.model import ListShape, Shape, StructureShape
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from app.marketplace import paging, wire
from tests.marketplace.people import html_question

OPERATIONS = sorted(wire.operation_names())
# Operations that make what others need are called more often than the rest.
_FREQUENT = ["CreateHIT", "CreateHITWithHITType", "ApproveAssignment", "RejectAssignment", "UpdateExpirationForHIT"]


@dataclass(frozen=True, slots=True)
class Known:
    """Stands for one of the ids of its kind that the server has given out."""

    kind: str
    number: int


class Envelope(StrEnum):
    """How a call is wrapped: properly, or in one of the ways that go wrong."""

    SIGNED = "signed"
    CHUNKED = "chunked"
    UNSIGNED = "unsigned"
    WRONG_SECRET = "wrong secret"
    UNKNOWN_KEY = "unknown key"
    OTHER_BODY = "the signature of another body"
    STALE = "signed an hour ago"
    GARBAGE_AUTHORIZATION = "garbage for Authorization"
    TARGET_UNSIGNED = "x-amz-target is not signed"
    NO_TARGET = "no x-amz-target"
    OTHER_TARGET = "a target of another service"
    OTHER_VERB = "another verb"
    OTHER_PATH = "another path"
    TRUNCATED = "less body than promised"
    STRANGE_HEADERS = "strange headers"
    NOT_HTTP = "not HTTP at all"
    STRANGER = "signed by another Requester"


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `body` is JSON with `Known`s in it, or raw bytes; `noise` varies what else is strange about it."""

    operation: str
    envelope: Envelope
    body: Any
    noise: bytes


def calls() -> SearchStrategy[Call]:
    """Any call; most are well signed, so that they get to the rules behind the door."""
    return st.sampled_from([*OPERATIONS, *_FREQUENT]).flatmap(_calls_of)


@cache
def _calls_of(operation: str) -> SearchStrategy[Call]:
    """Made once: hypothesis checks each new strategy, which takes it longer than to draw a call."""
    envelopes = st.sampled_from([Envelope.SIGNED] * 50 + list(Envelope))
    return st.builds(Call, st.just(operation), envelopes, _bodies(operation), _NOISE)


def _bodies(operation: str) -> SearchStrategy[Any]:
    """Inputs of the operation: proper ones, ones with something wrong in them, and things that are no input at all."""
    shape = wire.service_model().operation_model(operation).input_shape
    if shape is None:
        return st.one_of(st.just({}), ANY_JSON, RAW)
    proper, odd = _structure(shape, odd=False), _structure(shape, odd=True)
    spoiled = st.builds(_spoil, proper, st.integers(0, 7), ANY_JSON)
    # By number, for one_of would give each branch of a branch the same share.
    kinds = [proper] * 12 + [spoiled] * 3 + [odd] * 4 + [ANY_JSON, RAW]
    return st.sampled_from(range(len(kinds))).flatmap(kinds.__getitem__)


def _spoil(body: dict[str, Any], which: int, junk: Any) -> dict[str, Any]:
    """The body with one member replaced, or one more."""
    names = [*body, "Unheard"]
    return {**body, names[which % len(names)]: junk}


def _structure(shape: StructureShape, *, odd: bool) -> SearchStrategy[Any]:
    members = {name: _member(name, part, odd=odd) for name, part in shape.members.items() if odd or name not in _RARE}
    required = {name: part for name, part in members.items() if name in {*shape.required_members, *_USUAL}}
    optional = {name: part for name, part in members.items() if name not in required}
    return st.fixed_dictionaries(required, optional=optional)


def _member(name: str, shape: Shape, *, odd: bool) -> SearchStrategy[Any]:
    """A good value, or, where `odd`, sometimes another one."""
    if name in _VALUES:
        good, strange = _VALUES[name]
        return st.sampled_from(good * 6 + strange) if odd else st.sampled_from(good)
    if name in _IDS or shape.name == "CustomerId":
        real = st.builds(Known, st.just(name if name in _IDS else "WorkerId"), st.integers(0, 999))
        strange_ids = st.sampled_from(_ODD_IDS + _FORGED_TOKENS if name == "NextToken" else _ODD_IDS)
        return st.sampled_from(range(6)).flatmap(lambda n: real if n else strange_ids) if odd else real
    return _of_type(shape, odd=odd)


def _of_type(shape: Shape, *, odd: bool) -> SearchStrategy[Any]:
    match shape.type_name:
        case "structure":
            assert isinstance(shape, StructureShape)
            return _structure(shape, odd=odd)
        case "list":
            assert isinstance(shape, ListShape)
            return st.lists(_member("", shape.member, odd=odd), min_size=0 if odd else 1, max_size=3)
        case "boolean":
            return st.booleans()
        case "integer" | "long":
            return st.sampled_from(_ODD_NUMBERS if odd else [1, 60, 3600])
        case _:
            allowed = shape.metadata.get("enum")
            if allowed:
                return st.sampled_from([*allowed, "Unheard"] if odd else allowed)
            return _ODD_TEXTS if odd else st.text(min_size=1, max_size=12)


_XSD = "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas"
_FORM = (
    f'<QuestionForm xmlns="{_XSD}/2017-11-06/QuestionForm.xsd"><Question><QuestionIdentifier>q</QuestionIdentifier>'
    "<QuestionContent><Text>Why?</Text></QuestionContent><AnswerSpecification><SelectionAnswer><Selections><Selection>"
    "<SelectionIdentifier>a</SelectionIdentifier><Text>A</Text></Selection><Selection><SelectionIdentifier>b"
    "</SelectionIdentifier><Text>B</Text></Selection></Selections></SelectionAnswer></AnswerSpecification></Question>"
    "</QuestionForm>"
)
_EXTERNAL = (
    f'<ExternalQuestion xmlns="{_XSD}/2006-07-14/ExternalQuestion.xsd"><ExternalURL>https://example.org/?a=1&amp;b=2'
    "</ExternalURL><FrameHeight>0</FrameHeight></ExternalQuestion>"
)
_KEY = (
    f'<AnswerKey xmlns="{_XSD}/2005-10-01/AnswerKey.xsd"><Question><QuestionIdentifier>q</QuestionIdentifier>'
    "<AnswerOption><SelectionIdentifier>a</SelectionIdentifier><AnswerScore>1</AnswerScore></AnswerOption></Question>"
    "</AnswerKey>"
)
_ODD_XML = [
    html_question("<p>&nbsp;no form"),
    html_question(height=-1),
    "<HTMLQuestion/>",
    "",
    "<",
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    "<a>" * 3000,
    _FORM.replace("SelectionAnswer>", "FileUploadAnswer>"),
    _FORM.replace("<Text>Why?</Text>", "<FormattedContent><![CDATA[<script>1</script>]]></FormattedContent>"),
    _FORM[:-20],
    "y" * 65_536,
]
_ODD_USD = ["0.00", "5.", "0.055", ".05", "-1", "1e3", "99999999999", "0" * 400, "٣", ""]
_ODD_NUMBERS = [0, 1, -1, 5, 29, 30, 100, 101, 31_536_001, 2**31 - 1, 2**31, 2**63, 10**30]
_ODD_IDS = ["3" + "X" * 29, "A", "", "a b", "3" * 64, "3" * 65, "\0", "Ä"]
# Of the right make, with keys in them that no row has.
_FORGED_TOKENS = [
    paging.token(key)
    for key in (
        ["A\0"],
        ["\ud800"],
        [2**63],
        [-(2**63) + 1],
        [1, 1],
        [9, -1],
        ["A", "A"],
        ["2026-01-01", "A"],
        ["2026-01-01T00:00:00+00:00", "\0"],
        ["0001-01-01T00:00:00+23:59", "A"],
    )
]
_ODD_TEXTS: SearchStrategy[Any] = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", " ", "x" * 129, "y" * 2001, "\0", "\u202eabc", "<script>", "' OR 1=1 --", "%s{}${x}", "\ud800"]
    ),
)
_IDS = {"HITId", "HITTypeId", "AssignmentId", "HITLayoutId", "NextToken", "WorkerId", "QualificationTypeId"}
_IDS |= {"QualificationRequestId"}
# Optional to the model, but without it there is no HIT; and what would make a proper call an improper one.
_USUAL = {"Question"}
_RARE = {
    "HITLayoutId",
    "HITLayoutParameters",
    "AnswerKey",
    "NextToken",
    "QualificationRequirements",
    "AutoGrantedValue",
}
_RARE |= {"AssignmentReviewPolicy", "HITReviewPolicy", "Subdivision"}
_PARAMETERS = [
    {"Key": "AnswerKey", "MapEntries": [{"Key": "choice", "Values": ["A"]}]},
    {"Key": "ApproveIfKnownAnswerScoreIsAtLeast", "Values": ["1"]},
    {"Key": "QuestionIds", "Values": ["choice"]},
    {"Key": "QuestionAgreementThreshold", "Values": ["50"]},
    {"Key": "ApproveIfWorkerAgreementScoreIsAtLeast", "Values": ["101"]},
    {"Key": "AnswerKey", "Values": []},
    {"Key": "Unheard"},
    {},
]
# By the member's name: good values, and odd ones.
_VALUES: dict[str, tuple[list[Any], list[Any]]] = {
    "UniqueRequestToken": ([f"token {number}" for number in range(40)], ["é" * 64, "x" * 65, "", "\0"]),
    "Question": ([html_question(), html_question(), _EXTERNAL, _FORM], _ODD_XML),
    "Test": ([_FORM], _ODD_XML),
    "AnswerKey": ([_KEY], ["<AnswerKey/>", "no", _FORM]),
    "Reward": (["0.05", "0.01", "1", "0.10"], _ODD_USD),
    "BonusAmount": (["0.01", "1", "0.25"], _ODD_USD),
    "ExpireAt": ([0, 1, 1_900_000_000], [-1, 4e9, 1.5e18, 1e308, -62135596800, 253402300800, 1795480000.25]),
    "MaxResults": ([1, 2, 100], [0, 101, -1]),
    "MaxAssignments": ([1, 2, 3, 9, 10], [0, 10**9, 10**9 + 1]),
    "NumberOfAdditionalAssignments": ([1, 2], [0, 10, 10**9]),
    "LifetimeInSeconds": ([3600, 86_400, 30], [29, 31_536_001]),
    "AssignmentDurationInSeconds": ([600, 30], [29, 31_536_001]),
    "AutoApprovalDelayInSeconds": ([0, 3600, 2_592_000], [-1, 2_592_001]),
    "Title": (["Which label fits?", "Another", "שלום"], ["x" * 129, "", "\0"]),
    "Description": (["Look and choose"], ["x" * 2001, ""]),
    "Keywords": (["a, b"], ["x" * 1001, ""]),
    "Name": ([f"name {number}" for number in range(60)], ["", "x" * 5000]),
    "Country": (["US", "DE"], ["U", "USA"]),
    "Subdivision": (["CA"], ["C", "XX"]),
    "PolicyName": (["ScoreMyKnownAnswers/2011-09-01", "SimplePlurality/2011-09-01"], ["Mine", ""]),
    "Parameters": ([_PARAMETERS[:2], _PARAMETERS[2:4]], [_PARAMETERS[4:5], _PARAMETERS[5:6], _PARAMETERS[6:], []]),
    "Destination": (["arn:aws:sns:us-east-1:123456789012:topic"], ["http://localhost/q", "file:///etc/passwd", ""]),
    "Transport": (["SNS"], ["Email", "SQS", "Fax"]),
    "Version": (["2014-08-15", "2006-05-05"], ["", "1"]),
}
_SCALARS: SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from([10**400, 1e308, "\0", "\ud800", "9" * 5000, [[]], {}, {"": {}}]),
)
ANY_JSON: SearchStrategy[Any] = st.one_of(
    _SCALARS, st.lists(_SCALARS, max_size=4), st.dictionaries(st.text(max_size=6), _SCALARS, max_size=3)
)
RAW: SearchStrategy[bytes] = st.one_of(
    st.binary(max_size=64),
    st.sampled_from(
        [
            b"",
            b"{",
            b"[" * 5000,
            b'{"HITId":' * 400 + b"1" + b"}" * 400,
            b'{"a":1}{"a":2}',
            b"\xef\xbb\xbf{}",
            b"{}".decode().encode("utf-16"),
            b'{"HITId": NaN}',
            b'{"HITId": 1e999, "MaxResults": -0}',
            b'{"HITId": "' + b"X" * 200_000 + b'"}',
            b'{"HITId": "A", "HITId": "B"}',
            b"x" * 1_100_000,
        ]
    ),
)
_NOISE = st.binary(max_size=6)
