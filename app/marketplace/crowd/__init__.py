"""The simulated crowd: Workers who use the worker site over HTTP, as browsers do, and know nothing but its pages."""

from app.marketplace.crowd.answer_key import AnswerKey, load, parse
from app.marketplace.crowd.behaviours import Behaviour, Choice
from app.marketplace.crowd.errors import BadAnswerKey, BadPlan, CrowdError, EnrolmentClosed, SiteUnreachable
from app.marketplace.crowd.plan import CrowdPlan, Mix, parse_mix
from app.marketplace.crowd.report import CrowdEvent, CrowdEventKind, CrowdReport
from app.marketplace.crowd.run import run_crowd

__all__ = [
    "AnswerKey",
    "BadAnswerKey",
    "BadPlan",
    "Behaviour",
    "Choice",
    "CrowdError",
    "CrowdEvent",
    "CrowdEventKind",
    "CrowdPlan",
    "CrowdReport",
    "EnrolmentClosed",
    "Mix",
    "SiteUnreachable",
    "load",
    "parse",
    "parse_mix",
    "run_crowd",
]
