"""Ours beside crowd-kit's of the same name, at settings that make both the same model, and beside cleanlab's CROWDLAB."""

from typing import Any

import numpy as np
import pytest

from app.domain.consensus.confusion import NO_SHRINKAGE
from app.domain.consensus.dawid_skene import dawid_skene
from app.domain.consensus.glad import glad
from app.domain.consensus.mace import mace
from app.domain.consensus.methods import aggregate
from app.domain.consensus.one_coin import one_coin
from app.domain.consensus.outcome import Floats
from app.domain.consensus.plurality import plurality
from app.domain.consensus.votes import Votes
from app.domain.consensus.wawa import wawa
from tests.domain.consensus.crowds import ADA, BOB, MALLORY, crowd_of

pytestmark = pytest.mark.filterwarnings("ignore")  # theirs, at import and in passing
theirs = pytest.importorskip("crowdkit.aggregation")
pd = pytest.importorskip("pandas")

CROWD = crowd_of([ADA] * 6 + [BOB] * 6 + [MALLORY] * 2, items=250, labels=3, per_item=7)
VOTES = CROWD.votes


def frame(votes: Votes) -> Any:
    return pd.DataFrame({"task": votes.item, "worker": votes.worker, "label": votes.label})


def probabilities(fitted: Any) -> Floats:
    found: Floats = fitted.probas_.sort_index().sort_index(axis=1).to_numpy()
    return found


def test_plurality_is_crowd_kits_majority_vote_before_smoothing() -> None:
    totals = VOTES.counts().sum(axis=1, keepdims=True)
    shares = (plurality(VOTES).posterior * (totals + 1) - 1 / VOTES.labels) / totals
    assert shares == pytest.approx(probabilities(theirs.MajorityVote().fit(frame(VOTES))))


def test_wawas_skills_and_shares_are_crowd_kits_where_no_item_ties() -> None:
    clear = np.isin(VOTES.item, np.flatnonzero(plurality(VOTES).label >= 0))
    item = np.unique(VOTES.item[clear], return_inverse=True)[1]
    votes = Votes.of(item, VOTES.worker[clear], VOTES.label[clear], labels=VOTES.labels)
    skill = theirs.Wawa().fit(frame(votes)).skills_.sort_index()
    shares = probabilities(theirs.MajorityVote().fit(frame(votes), skills=skill))
    ours = wawa(votes)
    assert ours.skill == pytest.approx(skill.to_numpy())
    assert ours.posterior(smoothing=0.0) == pytest.approx(shares)


def test_unsmoothed_dawid_skene_is_crowd_kits() -> None:
    fitted = theirs.DawidSkene(n_iter=40, tol=0).fit(frame(VOTES))
    ours = dawid_skene(VOTES, shrinkage=NO_SHRINKAGE, anchor=0, max_iterations=40, tolerance=0)
    assert ours.posterior == pytest.approx(probabilities(fitted), abs=0.02)
    assert (ours.posterior.argmax(axis=1) == probabilities(fitted).argmax(axis=1)).mean() > 0.99


def test_unshrunk_one_coin_is_crowd_kits() -> None:
    fitted = theirs.OneCoinDawidSkene(n_iter=60).fit(frame(VOTES))
    ours = one_coin(VOTES, ability=0, anchor=0, even_prior=False)
    assert ours.accuracy == pytest.approx(fitted.skills_.sort_index().to_numpy(), abs=0.02)
    assert ours.posterior == pytest.approx(probabilities(fitted), abs=0.05)


def test_glad_agrees_with_crowd_kits_on_labels_and_on_who_is_able() -> None:
    votes = crowd_of([ADA] * 5 + [BOB] * 5, items=60, labels=3, per_item=7).votes  # few: theirs takes its time
    fitted = theirs.GLAD(n_iter=5).fit(frame(votes))
    ours = glad(votes)
    assert (ours.posterior.argmax(axis=1) == probabilities(fitted).argmax(axis=1)).mean() > 0.98
    assert np.corrcoef(ours.ability, fitted.alphas_.sort_index().to_numpy())[0, 1] > 0.95


def test_mace_agrees_with_crowd_kits_on_labels_and_on_who_knows() -> None:
    fitted = theirs.MACE(n_restarts=2, n_iter=30).fit(frame(VOTES))
    ours = mace(VOTES)
    assert (ours.posterior.argmax(axis=1) == probabilities(fitted).argmax(axis=1)).mean() > 0.97
    assert ours.competence[:6].min() > ours.competence[12:].max()


def test_crowdlab_agrees_with_cleanlabs_consensus() -> None:
    multiannotator = pytest.importorskip("cleanlab.multiannotator")
    rng = np.random.default_rng(2)
    guessed = np.where(rng.random(VOTES.items) < 0.8, CROWD.true, rng.integers(0, VOTES.labels, VOTES.items))
    model = np.full((VOTES.items, VOTES.labels), 0.1) + np.eye(VOTES.labels)[guessed] * 0.7
    wide = np.full((VOTES.items, VOTES.workers), np.nan)
    wide[VOTES.item, VOTES.worker] = VOTES.label
    consensus = multiannotator.get_label_quality_multiannotator(pd.DataFrame(wide), model, verbose=False)
    label = consensus["label_quality"]["consensus_label"].to_numpy()
    ours = aggregate(VOTES, "crowdlab", pred_probs=model)
    decided = ours.label >= 0
    assert (ours.label[decided] == label[decided]).mean() > 0.85
    assert (ours.label[decided] == CROWD.true[decided]).mean() >= (label[decided] == CROWD.true[decided]).mean() - 0.01
