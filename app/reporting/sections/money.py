"""What was offered and paid, and what an hour of work earned."""

import numpy as np

from app.domain.plurals import counted
from app.reporting.document import Block, Facts, NotEnough, Section, Table, Text
from app.reporting.findings import Findings
from app.reporting.wording import NONE, count, usd

_FEW = 5
# Nobody sees an Item, reads two labels and answers in less, half of the time.
_QUICKEST_PEOPLE_S = 1.0
_HOUR_S = 3600
_HOURLY_SHARES = (
    (10, "lower tenth"),
    (25, "lower quarter"),
    (50, "median"),
    (75, "upper quarter"),
    (90, "upper tenth"),
)


def money(findings: Findings) -> Section:
    """Rewards, bonuses, fees and the hourly pay."""
    record = findings.record
    terms, paid = record.terms, record.money
    wage = f"{usd(terms.hourly_usd)} an hour" if terms.hourly_usd is not None else "none set"
    facts = Facts(
        (
            ("Reward", f"{usd(terms.reward_usd)} for a HIT of {counted(terms.items_per_hit, 'Item')}"),
            ("Wage aimed at", wage + (", topped up by bonuses" if terms.top_up else "")),
            ("Rewards", usd(paid.rewards_usd)),
            ("Bonuses", usd(paid.bonuses_usd)),
            ("Fees of the marketplace", usd(paid.fees_usd)),
            ("Together", f"{usd(paid.total_usd)}, of which {usd(paid.owed_usd)} owed and not paid yet"),
            ("Cap", usd(paid.cap_usd)),
            ("Cost of a Response", _each(findings)),
        )
    )
    return Section("money", "Money and pay", (facts, _hourly(findings), *_no_people(findings)))


def median_hourly(findings: Findings) -> str:
    """In words."""
    pay = findings.record.money.hourly_usd
    if len(pay) < _FEW:
        return "not enough to say: too few approved Assignments were timed"
    beyond = "; faster than people can answer" if _no_people(findings) else ""
    return f"${np.median(pay):,.2f} an hour in the median{beyond}"


def _each(findings: Findings) -> str:
    answers = len(findings.record.responses)
    return f"${findings.record.money.total_usd / answers:,.4f}" if answers else NONE


def _no_people(findings: Findings) -> tuple[Text, ...]:
    pay, terms = findings.record.money.hourly_usd, findings.record.terms
    if len(pay) < _FEW or (median_usd := float(np.median(pay))) <= 0:
        return ()
    # How long an Item took where the reward came to that much an hour.
    median_s = float(terms.reward_usd) / median_usd * _HOUR_S / terms.items_per_hit
    if median_s >= _QUICKEST_PEOPLE_S:
        return ()
    return (
        Text(
            "Half of the Assignments took less than a second an Item. People cannot read a question that fast: a simulated crowd"
            " answered, or programs, and what an hour earned says nothing of people."
        ),
    )


def _hourly(findings: Findings) -> Block:
    pay = findings.record.money.hourly_usd
    if len(pay) < _FEW:
        return NotEnough(f"{count(len(pay))} approved Assignments were timed: too few to say what an hour earned")
    rows = tuple((name, f"${np.percentile(pay, share):,.2f}") for share, name in _HOURLY_SHARES)
    return Table(
        f"What an hour of work earned: reward and bonus of {counted(len(pay), 'approved Assignment')} by its time",
        ("Assignments", "USD an hour"),
        rows,
    )
