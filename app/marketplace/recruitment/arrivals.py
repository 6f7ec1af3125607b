"""What an entry link says of who comes; and why somebody cannot come in."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.marketplace.recruitment.platforms import PLATFORMS
from app.marketplace.store import Channel, ChannelKind

LONGEST_VALUE = 200
MOST_PARAMETERS = 20


class NotAdmitted(Exception):
    """A person cannot come in. `message` says why and what to do; the flags, what would help."""

    def __init__(self, http_status: int, message: str, *, sign_in: bool = False, sign_out: bool = False) -> None:
        self.http_status, self.message = http_status, message
        self.sign_in, self.sign_out = sign_in, sign_out
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Arrival:
    """What the entry link says of who comes. `person` is None for invite links."""

    person: str | None
    session: str | None
    study: str | None
    parameters: dict[str, str]


def arrival(channel: Channel, query: Sequence[tuple[str, str]]) -> Arrival:
    """Read the entry link's query. Raises NotAdmitted for one that does not say who comes."""
    kind = ChannelKind(channel.kind)
    if kind is ChannelKind.INVITE:
        return Arrival(None, None, None, {})
    platform = PLATFORMS.get(kind)
    parameters = {name: value for name, value in query[:MOST_PARAMETERS] if _storable(name) and _storable(value)}
    worker = channel.worker_parameter or ""
    named = (worker, platform.session, platform.study) if platform else (worker,)
    values = [_value(query, name, needed=name == worker) for name in named] + [None, None]
    return Arrival(values[0], values[1], values[2], parameters)


def _value(query: Sequence[tuple[str, str]], name: str, *, needed: bool) -> str | None:
    values = {value.strip() for key, value in query if key == name}
    if len(values) > 1:
        raise NotAdmitted(400, f"This link holds {name} more than once. Open the study again from where you found it.")
    value = next(iter(values), "")
    if not value:
        if needed:
            raise NotAdmitted(
                400,
                f"This link does not say who you are: {name} is missing. Open the study again from where you found it;"
                " if that does not help, tell the people who run it.",
            )
        return None
    # {{%PROLIFIC_PID%}} and its older form [[%…%]]: the site did not fill its placeholder in.
    if "%" in value or value[0] in "{[<$" or len(value) > LONGEST_VALUE or not _storable(value):
        raise NotAdmitted(
            400,
            f"This link does not hold a real {name}. Do not type the link yourself: open the study from where you found"
            " it. If you did, tell the people who run it that their link is not filled in.",
        )
    return value


def _storable(text: str) -> bool:
    return len(text) <= LONGEST_VALUE and text.isprintable()
