"""Whether an output is what botocore's service model says: types, words, patterns, lengths, and nothing unknown."""

import re
from collections.abc import Iterator

from botocore.model import ListShape, Shape, StructureShape

from app.marketplace import wire

# Present in each of these by observation of the real service (mturk-facts §1.3, §3); the model requires nothing.
ALWAYS = {
    "HIT": {
        "HITId", "HITTypeId", "HITGroupId", "CreationTime", "Title", "Description", "Question", "HITStatus",
        "MaxAssignments", "Reward", "AutoApprovalDelayInSeconds", "Expiration", "AssignmentDurationInSeconds",
        "QualificationRequirements", "HITReviewStatus", "NumberOfAssignmentsPending", "NumberOfAssignmentsAvailable",
        "NumberOfAssignmentsCompleted",
    },
    "Assignment": {"AssignmentId", "WorkerId", "HITId", "AssignmentStatus", "AcceptTime", "SubmitTime", "Answer"},
    "QualificationType": {
        "QualificationTypeId", "CreationTime", "Name", "Description", "QualificationTypeStatus", "IsRequestable",
        "AutoGranted",
    },
    "Qualification": {"QualificationTypeId", "WorkerId", "GrantTime", "Status"},
    "QualificationRequest": {"QualificationRequestId", "QualificationTypeId", "WorkerId", "SubmitTime"},
    "QualificationRequirement": {"ActionsGuarded", "RequiredToPreview"},
    "BonusPayment": {"WorkerId", "BonusAmount", "AssignmentId", "Reason", "GrantTime"},
    "WorkerBlock": {"WorkerId", "Reason"},
    "NotifyWorkersFailureStatus": {"WorkerId", "NotifyWorkersFailureCode", "NotifyWorkersFailureMessage"},
    "ReviewResultDetail": {"ActionId", "SubjectId", "SubjectType", "Key", "Value"},
    "ReviewActionDetail": {"ActionId", "ActionName", "TargetId", "TargetType", "Status"},
    "GetAccountBalanceResponse": {"AvailableBalance", "OnHoldBalance"},
}  # fmt: skip

# The model calls it an EntityId, but it is the Requester's own name for a question, such as "bird".
FREE = ".QuestionId"


def faults(operation: str, output: object) -> list[str]:
    """What is wrong with the output of an operation."""
    shape = wire.service_model().operation_model(operation).output_shape
    return list(_faults(shape, output, operation)) if shape is not None else []


def _faults(shape: Shape, value: object, path: str) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        yield from _of_structure(shape, value, path)
    elif isinstance(shape, ListShape):
        if not isinstance(value, list):
            yield f"{path} is no list: {value!r}"
            return
        for number, part in enumerate(value):
            yield from _faults(shape.member, part, f"{path}[{number}]")
    else:
        yield from _of_scalar(shape, value, path)


def _of_structure(shape: StructureShape, value: object, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path} is no structure: {value!r}"
        return
    yield from (f"{path} has an unknown member {name}" for name in value.keys() - shape.members.keys())
    needed = {*shape.required_members, *ALWAYS.get(shape.name, ())}
    if shape.name.startswith("List") and {"NumResults", "NextToken"} <= shape.members.keys():
        needed |= {"NumResults", *(name for name, part in shape.members.items() if part.type_name == "list")}
    yield from (f"{path} lacks {name}" for name in sorted(needed - value.keys()))
    for name in shape.members.keys() & value.keys():
        yield from _faults(shape.members[name], value[name], f"{path}.{name}")


def _of_scalar(shape: Shape, value: object, path: str) -> Iterator[str]:
    kinds: dict[str, type | tuple[type, ...]] = {
        "string": str,
        "integer": int,
        "long": int,
        "boolean": bool,
        "timestamp": (int, float),
    }
    right = isinstance(value, kinds[shape.type_name]) and (shape.type_name == "boolean" or not isinstance(value, bool))
    if not right:
        yield f"{path} is no {shape.type_name}: {value!r}"
        return
    known = shape.metadata
    if isinstance(value, str) and not path.endswith(FREE):
        if "enum" in known and value not in known["enum"]:
            yield f"{path} is none of the words: {value!r}"
        if "pattern" in known and re.search(known["pattern"], value) is None:
            yield f"{path} breaks the pattern: {value!r}"
        if not known.get("min", 0) <= len(value) <= known.get("max", len(value)):
            yield f"{path} has the wrong length: {value!r}"
