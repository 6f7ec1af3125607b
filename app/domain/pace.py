"""How fast an endpoint is called: faster while it is quiet, slower when it throttles. Pure; `db/endpoints.py` keeps the state.

Nobody says what an endpoint allows, so the pace feels for it. While an endpoint throttles, the calls that it does let through
are its limit: that is remembered. The pace falls a little below it, comes back quickly, stays, and passes it by a little to
see whether it rose; once it evidently did, the pace grows until it meets the next limit. (The shape is that of TCP's CUBIC,
RFC 9438, which botocore's adaptive retries follow too; the measured limit is ours, since a burst hides the limit from them.)
Its clock is use: a second counts only as far as calls filled it, so that a rate which nobody needed proves nothing.
"""

import math
from dataclasses import dataclass, replace

FIRST_CALLS_PER_SECOND = 50.0
SLOWEST_CALLS_PER_SECOND = 0.5
# Over how many seconds answers are averaged.
MEMORY_S = 1.0
# After a throttle answer the pace is KEPT of the limit; then, in seconds at full use: back to the limit, from there to PROBED
# above it, and beyond that by GROWTH a second. GROWTH_AT_FIRST: while no limit was ever met.
KEPT, RECOVERY_S, PROBING_S, PROBED, GROWTH, GROWTH_AT_FIRST = 0.85, 2.0, 4.0, 0.05, 1.6, 2.0
# The limit lies below the throttled rate, and the average lags behind: it is believed within these shares of that rate.
LOWEST_SHARE, HIGHEST_SHARE = 0.4, 0.97
# Beyond this the pace has long been at any ceiling; keeps powers within bounds.
_LONGEST_QUIET_S = 60.0


@dataclass(frozen=True, slots=True)
class Pace:
    """throttled_rate: the limit as far as it is known, in calls per second, like `calls_per_second` itself.

    accepted_rate: calls per second that the endpoint let through of late. quiet_s: used since it last throttled.
    """

    calls_per_second: float
    throttled_rate: float | None = None
    quiet_s: float = 0.0
    accepted_rate: float = 0.0


def first(ceiling: float) -> Pace:
    """The pace at an endpoint that was never called. `ceiling`: calls per second that are never exceeded."""
    return Pace(min(FIRST_CALLS_PER_SECOND, ceiling))


def answered(pace: Pace, calls: int, *, elapsed_s: float) -> Pace:
    """The pace once `calls` more calls were let through, `elapsed_s` after the last time somebody said so."""
    faded = pace.accepted_rate * math.exp(-max(0.0, elapsed_s) / MEMORY_S)
    return replace(pace, accepted_rate=faded + calls / MEMORY_S)


def after(pace: Pace, calls: int, *, ceiling: float) -> Pace:
    """The pace once room for `calls` more calls was given."""
    used_s = calls / pace.calls_per_second
    quiet_s = min(_LONGEST_QUIET_S, pace.quiet_s + used_s)
    if pace.throttled_rate is None:
        rate = pace.calls_per_second * GROWTH_AT_FIRST ** min(1.0, used_s)
    else:
        rate = pace.throttled_rate * _share(quiet_s)
    return replace(pace, calls_per_second=min(ceiling, max(SLOWEST_CALLS_PER_SECOND, rate)), quiet_s=quiet_s)


def slowed(pace: Pace) -> Pace:
    """The pace after a throttle answer. Of several calls that were on their way at the same pace only one counts."""
    rate = pace.calls_per_second
    limit = max(SLOWEST_CALLS_PER_SECOND, min(HIGHEST_SHARE * rate, max(LOWEST_SHARE * rate, pace.accepted_rate)))
    return Pace(max(SLOWEST_CALLS_PER_SECOND, KEPT * limit), limit, 0.0, pace.accepted_rate)


def _share(quiet_s: float) -> float:
    """Of the limit, by seconds since the throttle answer."""
    if quiet_s < RECOVERY_S:
        return 1 - (1 - KEPT) * (1 - quiet_s / RECOVERY_S) ** 3
    if quiet_s < RECOVERY_S + PROBING_S:
        return 1 + PROBED * ((quiet_s - RECOVERY_S) / PROBING_S) ** 3
    return (1 + PROBED) * math.pow(GROWTH, quiet_s - RECOVERY_S - PROBING_S)
