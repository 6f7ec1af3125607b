"""Which operations and parameters the contract's tests really sent, and the table that says so."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.model import ListShape, Shape, StructureShape

from app.marketplace import wire

TITLE = "# MTurk's operations, parameter by parameter"
PREFACE = """\
Written by `make operations-table` from what the tests of `tests/contract/` really send; a test fails when this page is
older than they are, and when an operation or a parameter of botocore's service model is never sent.

*Accepted in*: these tests sent the parameter in a call that succeeded. *Refused in*: these sent it in a call that was
refused, for its own value or for the state of things. The names are those of files in `tests/contract/`, without
`test_`. `[]` stands for each entry of a list."""


@dataclass(slots=True)
class Ledger:
    """What was sent, by operation and path of the member ("" is the operation itself), in which tests."""

    accepted: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    refused: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))

    def record(self, operation: str, document: object, test: str, *, accepted: bool) -> None:
        """Note one call."""
        into = self.accepted if accepted else self.refused
        into[operation, ""].add(test)
        for path in _paths(document, ""):
            into[operation, path].add(test)

    def record_one(self, operation: str, path: str, test: str, *, accepted: bool) -> None:
        """Note a call that was about one parameter alone."""
        (self.accepted if accepted else self.refused)[operation, path].add(test)


# One test process, one ledger: the tests of this folder share an xdist group.
LEDGER = Ledger()


def _paths(value: object, path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, part in value.items():
            here = f"{path}.{name}" if path else str(name)
            yield here
            yield from _paths(part, here)
    elif isinstance(value, list):
        for part in value:
            yield from _paths(part, f"{path}[]")


def parameters(operation: str) -> dict[str, Shape]:
    """Every parameter of an operation by its path, nested ones too."""
    shape = wire.service_model().operation_model(operation).input_shape
    return {} if shape is None else dict(_members(shape, ""))


def _members(shape: Shape, path: str) -> Iterator[tuple[str, Shape]]:
    if isinstance(shape, ListShape):
        yield from _members(shape.member, f"{path}[]")
    elif isinstance(shape, StructureShape):
        for name, part in shape.members.items():
            here = f"{path}.{name}" if path else name
            yield here, part
            yield from _members(part, here)


# What can only be refused: MTurk took file uploads away in 2017, and the one policy for HITs takes no maps.
ONLY_REFUSED = ("GetFileUploadURL", "HITReviewPolicy.Parameters[].MapEntries")


def untested(ledger: Ledger) -> list[str]:
    """Operations that never succeeded and parameters that were never part of a success."""
    missing = []
    for operation in sorted(wire.operation_names()):
        for path in ("", *parameters(operation)):
            only_refused = operation in ONLY_REFUSED or path.startswith(ONLY_REFUSED)
            if not (ledger.refused if only_refused else ledger.accepted).get((operation, path)):
                missing.append(f"{operation} {path}".strip())
    return missing


def table(ledger: Ledger) -> str:
    """The page, in Markdown."""
    lines = [TITLE, "", PREFACE, ""]
    for operation in sorted(wire.operation_names()):
        lines += [f"## {operation}", "", "| parameter | kind | accepted in | refused in |", "|---|---|---|---|"]
        lines.append(_row(ledger, operation, "", "*(the call)*", ""))
        required = set(_required(operation))
        for path, shape in parameters(operation).items():
            shown = f"**{path}**" if path in required else path
            lines.append(_row(ledger, operation, path, shown, _kind(shape)))
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _row(ledger: Ledger, operation: str, path: str, shown: str, kind: str) -> str:
    accepted, refused = (
        ", ".join(sorted(tests.get((operation, path), set()))) for tests in (ledger.accepted, ledger.refused)
    )
    return f"| {shown} | {kind} | {accepted or '—'} | {refused or '—'} |"


def _required(operation: str) -> list[str]:
    shape = wire.service_model().operation_model(operation).input_shape
    return [] if shape is None else list(shape.required_members)


def _kind(shape: Shape) -> str:
    known: Mapping[str, Any] = shape.metadata
    ends = (str(known.get("min", "")), str(known.get("max", "")))
    limits = f" {ends[0]}–{ends[1]}" if any(ends) else ""
    words = " of fixed words" if "enum" in known else " by pattern" if "pattern" in known else ""
    return shape.type_name + limits + words
