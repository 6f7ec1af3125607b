"""The simulated crowd: Workers who use the worker site over HTTP, as browsers do, and know nothing but its pages."""

from app.marketplace.crowd import plan_file
from app.marketplace.crowd.answer_key import AnswerKey, load, parse
from app.marketplace.crowd.arrivals import Arrival, DayShape
from app.marketplace.crowd.behaviours import Behaviour, Choice
from app.marketplace.crowd.errors import BadAnswerKey, BadPlan, CrowdError, EnrolmentClosed, SiteUnreachable
from app.marketplace.crowd.plan import CrowdPlan, Kind, Mix, parse_mix
from app.marketplace.crowd.report import CrowdEvent, CrowdEventKind, CrowdReport, Request, RoleCounts
from app.marketplace.crowd.run import CrowdInterrupted, run_crowd
from app.marketplace.crowd.traits import PRESETS, Traits

__all__ = [
    "PRESETS",
    "AnswerKey",
    "Arrival",
    "BadAnswerKey",
    "BadPlan",
    "Behaviour",
    "Choice",
    "CrowdError",
    "CrowdEvent",
    "CrowdEventKind",
    "CrowdInterrupted",
    "CrowdPlan",
    "CrowdReport",
    "DayShape",
    "EnrolmentClosed",
    "Kind",
    "Mix",
    "Request",
    "RoleCounts",
    "SiteUnreachable",
    "Traits",
    "load",
    "parse",
    "parse_mix",
    "plan_file",
    "run_crowd",
]
