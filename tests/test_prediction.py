"Prediction on random worlds: the ends of every scale are the methods that stand there, and all of them find the exact values."

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlpt.tabular_rl.mdp import MDP, from_transitions, random_mdp
from rlpt.tabular_rl.planning import policy_evaluation
from rlpt.tabular_rl.prediction import (
    EpisodeBatch, batch_mc, batch_td, blackjack, importance_ratios, importance_sampling, mc_prediction, n_step_td,
    pack_episodes, sample_episodes, td0, td_lambda)

STEP = st.floats(0.01, 1.0)


def world(seed: int, states: int = 4, actions: int = 2, gamma: float = 0.9) -> MDP:
    "A random world in which every step ends the episode with probability 0.2."
    inner = random_mdp(states, actions, seed)
    s, a, to = np.nonzero(inner.table)
    ends = np.argwhere(np.ones((states, actions)))
    return from_transitions(
        np.append(s, ends[:, 0]), np.append(a, ends[:, 1]), np.append(to, np.full(len(ends), states)),
        np.append(0.8 * inner.table[s, a, to], np.full(len(ends), 0.2)),
        np.append(inner.R[s, a], inner.R[ends[:, 0], ends[:, 1]]), states=states + 1, actions=actions, gamma=gamma,
        terminal=np.arange(states + 1) == states)


def random_policy(mdp: MDP, seed: int) -> np.ndarray:
    "Random probabilities, none of them tiny."
    weights = np.random.default_rng(seed).uniform(0.2, 1, mdp.R.shape)
    return weights / weights.sum(axis=1, keepdims=True)


@st.composite
def batches(draw: st.DrawFn, max_steps: int = 10_000) -> EpisodeBatch:
    "A few episodes of a few runs in a random world."
    seed = draw(st.integers(0, 10_000))
    mdp = world(seed, draw(st.integers(1, 5)), draw(st.integers(1, 3)), draw(st.sampled_from([0.0, 0.5, 0.9, 1.0])))
    return sample_episodes(mdp, random_policy(mdp, seed), draw(st.integers(1, 6)), seed, draw(st.integers(1, 3)),
                           max_steps)


@settings(deadline=None, max_examples=60)
@given(batches(), STEP, st.floats(-2, 2))
def test_ends_of_the_scales(batch: EpisodeBatch, alpha: float, initial: float) -> None:
    "n = 1 is TD(0) and a large n is constant-alpha Monte Carlo; so are lambda = 0 and 1."
    td, mc = td0(batch, alpha, initial), mc_prediction(batch, False, alpha, initial)
    assert np.array_equal(n_step_td(batch, 1, alpha, initial), td)
    assert np.array_equal(n_step_td(batch, 10_000, alpha, initial), mc)
    assert np.allclose(td_lambda(batch, 0.0, alpha, initial), td, rtol=1e-9, atol=1e-9)
    assert np.allclose(td_lambda(batch, 1.0, alpha, initial), mc, rtol=1e-9, atol=1e-9)


@settings(deadline=None, max_examples=60)
@given(batches(max_steps=3), STEP, st.integers(1, 5))
def test_loops_and_arrays(batch: EpisodeBatch, alpha: float, n: int) -> None:
    "A plain loop over the same steps gives the same table, cut-off episodes among them."
    values = n_step_td(batch, n, alpha, 0.3)
    for run in range(batch.lengths.shape[1]):
        V = np.where(batch.terminal, 0.0, 0.3)
        for e in range(len(batch.lengths)):
            steps = batch.steps(e, run)
            for t in range(len(steps)):
                part = steps[t:t + n]
                G = sum(batch.gamma**i * step[2] for i, step in enumerate(part))
                if not part[-1][4]: G += batch.gamma ** len(part) * V[part[-1][3]]
                V[steps[t][0]] += alpha * (G - V[steps[t][0]])
            assert np.allclose(values[e + 1, run], V, rtol=1e-10, atol=1e-10)


@settings(deadline=None, max_examples=60)
@given(batches())
def test_batch_td_is_the_value_of_the_likeliest_world(batch: EpisodeBatch) -> None:
    "Count what was seen, make an MDP of it, and evaluate it."
    V = batch_td(batch)[-1]
    for run in range(batch.lengths.shape[1]):
        rows = np.array([step for e in range(len(batch.lengths)) for step in batch.steps(e, run)])
        s, to, seen = rows[:, 0].astype(int), rows[:, 3].astype(int), np.bincount(rows[:, 0].astype(int),
                                                                                  minlength=len(batch.terminal))
        unseen = np.flatnonzero((seen == 0) & ~batch.terminal)
        end = int(np.flatnonzero(batch.terminal)[0])
        model = from_transitions(np.append(s, unseen), np.zeros(len(s) + len(unseen)), np.append(to, 0 * unseen + end),
                                 np.append(1 / seen[s], np.ones(len(unseen))), np.append(rows[:, 2], 0.0 * unseen),
                                 states=len(seen), actions=1, gamma=batch.gamma, terminal=batch.terminal)
        assert np.allclose(V[run], policy_evaluation(model, np.zeros(len(seen), dtype=int)).v, atol=1e-8)


@settings(deadline=None, max_examples=40)
@given(batches())
def test_equal_policies(batch: EpisodeBatch) -> None:
    "Importance sampling with equal policies is the running mean of the returns."
    A = int(batch.actions.max()) + 1
    pi = np.full((len(batch.terminal), A), 1 / A)
    mean = batch.returns()[0].cumsum(axis=0) / np.arange(1, len(batch.lengths) + 1)[:, None]
    for weighted in (False, True): assert np.allclose(importance_sampling(batch, pi, pi, weighted), mean)
    assert (importance_ratios(batch, pi, pi) == 1).all()


@pytest.mark.parametrize("seed", range(4))
def test_all_find_the_exact_values(seed: int) -> None:
    "Forty runs of two thousand episodes: the mean of every estimate lies within five standard errors of the planner."
    mdp = world(seed)
    pi, b = random_policy(mdp, seed), random_policy(mdp, seed + 100)
    exact = policy_evaluation(mdp, pi).v
    batch = sample_episodes(mdp, pi, 2000, seed, runs=40)
    for values in (mc_prediction(batch, True, snapshots=[2000]), batch_td(batch, snapshots=[2000]),
                   batch_mc(batch, snapshots=[2000]), td0(batch, lambda n: n**-0.7, snapshots=[2000])):
        mean, error = values[-1].mean(axis=0), values[-1].std(axis=0) / np.sqrt(40)
        assert (np.abs(mean - exact) <= 5 * error + 0.01).all()
    other = sample_episodes(mdp, b, 2000, seed + 1, runs=40)
    for weighted in (False, True):
        estimates = importance_sampling(other, pi, b, weighted)[-1]
        assert abs(estimates.mean() - mdp.start @ exact) <= 5 * estimates.std() / np.sqrt(40) + 0.02


def test_blackjack_is_a_law() -> None:
    "Both rules, with or without the casino's: probabilities, and each of the 290 hands ends."
    for sab in (True, False):
        for strict in (True, False):
            game = blackjack(sab, strict)
            assert np.isclose(game.start.sum(), 1) and game.terminal.sum() == 3
            for action in (0, 1): assert np.abs(policy_evaluation(game, np.full(293, action)).v).max() <= 1 + 1e-12


def test_steps_survive_packing() -> None:
    "What a batch gives as lists, packs into the same batch."
    mdp = world(3)
    batch = sample_episodes(mdp, random_policy(mdp, 1), 20, 0, max_steps=4)
    packed = pack_episodes([batch.steps(e) for e in range(20)], mdp)
    for name in ("states", "actions", "rewards", "lengths", "terminated"):
        assert np.array_equal(getattr(batch, name), getattr(packed, name))
