"""The default: three quarters what shrunk Dawid-Skene says, one quarter what the counts say, so that it is never quite sure."""

from app.domain.consensus.outcome import Floats
from app.domain.consensus.plurality import smoothed_shares
from app.domain.consensus.votes import Votes

NAME = "jury"

# Of the log loss on public crowds and on simulated ones together, the best of 0, 1/4, 0.35 and 1/2 (docs/consensus.md).
COUNTS_WEIGHT = 0.25


def jury(votes: Votes, modelled: Floats) -> Floats:
    """A quarter the plurality's smoothed shares, three quarters a tempered model of Workers: (I, K), rows sum to 1.

    A linear opinion pool. Dawid-Skene is the better judge of who is right, and on real crowds far too sure of it, since
    Workers err on the same hard Items; shares are never sure and take all Workers for equals. So a label for which
    somebody spoke never falls below a quarter of its share. On a crowd whose errors are independent this doubts more
    than it need; Gold items mend that (`temperature.gold_temperature`). Source: Stone 1961, doi:10.1214/aoms/1177704873.
    """
    return COUNTS_WEIGHT * smoothed_shares(votes.counts()) + (1 - COUNTS_WEIGHT) * modelled
