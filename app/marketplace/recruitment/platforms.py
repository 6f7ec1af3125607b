"""How people arrive from Prolific and CloudResearch Connect: the parameters that these add to a study's link.

Prolific: docs.prolific.com, "The study object" (external_study_url, completion codes). Connect adds its three
parameters by itself when the link has none of them, and shows its completion URL at the end of its wizard.
"""

from dataclasses import dataclass

from app.marketplace.store import ChannelKind

PROLIFIC_COMPLETION = "https://app.prolific.com/submissions/complete?cc={code}"


@dataclass(frozen=True, slots=True)
class Platform:
    """Its parameters: who comes, in which session, for which study; and the query to put behind the entry link."""

    name: str
    worker: str
    session: str
    study: str
    query: str


PLATFORMS = {
    ChannelKind.PROLIFIC: Platform(
        "Prolific",
        worker="PROLIFIC_PID",
        session="SESSION_ID",
        study="STUDY_ID",
        query="?PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID={{%STUDY_ID%}}&SESSION_ID={{%SESSION_ID%}}",
    ),
    # An assignment of theirs is one person's go at one project, so it plays the part of the session.
    ChannelKind.CONNECT: Platform(
        "CloudResearch Connect", worker="participantId", session="assignmentId", study="projectId", query=""
    ),
}
