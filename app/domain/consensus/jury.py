"""The default: half what the counts say, half what shrunk Dawid-Skene says, so that neither can go far wrong alone."""

from app.domain.consensus.outcome import Floats
from app.domain.consensus.plurality import smoothed_shares
from app.domain.consensus.votes import Votes

NAME = "jury"


def jury(votes: Votes, modelled: Floats) -> Floats:
    """The mean of the plurality's smoothed shares and the tempered posterior of a model of Workers: (I, K), rows sum to 1.

    A linear opinion pool with equal weights. Dawid-Skene is the better judge of who is right and far too sure of it;
    shares are never sure and take all Workers for equals. Where the model is wrong the pool says at most (1 + share) / 2.
    Measured against both, and other pools, in docs/consensus.md. Source: Stone 1961, doi:10.1214/aoms/1177704873.
    """
    return (smoothed_shares(votes.counts()) + modelled) / 2
