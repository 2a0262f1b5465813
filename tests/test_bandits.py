"Lesson 4.3: laws that hold for every bandit, on random ones."
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from rlpt.core import rng
from rlpt.tabular_rl.bandits import (
    UCB, BanditAgent, BernoulliBandit, EpsilonGreedy, GaussianBandit, GradientBandit, OptimisticGreedy, ThompsonBernoulli, ThompsonGaussian, bernoulli_kl, best_arm,
    beta_update, epsilon_greedy_arm, gradient_update, lai_robbins, normal_posterior, preference_gradient, preference_policy, run_bandit, sample_arm, ucb_values, update_estimates)

few = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32 - 1)
AGENTS: list[Callable[[int], BanditAgent]] = [
    lambda seed: EpsilonGreedy(0.2, seed=seed), lambda seed: OptimisticGreedy(seed=seed), lambda seed: UCB(seed=seed), lambda seed: GradientBandit(0.3, seed=seed),
    lambda seed: ThompsonBernoulli(seed=seed), lambda seed: ThompsonGaussian(seed=seed)]


def numbers(*shape: int) -> Any:
    return arrays(float, shape, elements=st.floats(-20, 20))


@few
@given(seeds, st.integers(1, 60))
def test_incremental_mean_is_the_mean(seed: int, steps: int) -> None:
    g = rng(seed)
    Q, N, seen = np.full((3, 4), 7.0), np.zeros((3, 4)), [[list[float]() for _ in range(4)] for _ in range(3)]
    for _ in range(steps):
        a, reward = g.integers(4, size=3), g.normal(size=3)
        N[np.arange(3), a] += 1
        update_estimates(Q, a, reward, 1 / N[np.arange(3), a])
        for i in range(3): seen[i][a[i]].append(float(reward[i]))
    wanted = [[float(np.mean(rewards)) if rewards else 7.0 for rewards in row] for row in seen]
    np.testing.assert_allclose(Q, np.array(wanted), atol=1e-12)


@few
@given(numbers(5), st.floats(0.05, 1))
def test_constant_step_is_a_mean_that_forgets(rewards: np.ndarray, alpha: float) -> None:
    Q = np.full((1, 1), 3.0)
    for reward in rewards: update_estimates(Q, np.array([0]), reward[None], alpha)
    weights = alpha * (1 - alpha) ** np.arange(4, -1, -1)
    np.testing.assert_allclose(Q, (1 - alpha) ** 5 * 3.0 + weights @ rewards, atol=1e-10)


@few
@given(arrays(float, (20, 5), elements=st.integers(0, 3)), arrays(float, 20, elements=st.floats(0, 1, exclude_max=True)), st.floats(0, 1))
def test_greedy_takes_a_best_arm_and_epsilon_any(values: np.ndarray, u: np.ndarray, epsilon: float) -> None:
    assert (values[np.arange(20), best_arm(values, u)] == values.max(axis=1)).all()
    a = epsilon_greedy_arm(values, epsilon, u)
    assert ((0 <= a) & (a < 5)).all()
    assert (values[np.arange(20), a] == values.max(axis=1))[u >= epsilon].all()


@few
@given(numbers(3, 4), numbers(3, 4), st.floats(-50, 50))
def test_softmax_gradient_sums_to_zero_and_ignores_shifts(H: np.ndarray, means: np.ndarray, shift: float) -> None:
    policy, gradient = preference_policy(H), preference_gradient(H, means)
    np.testing.assert_allclose(policy.sum(axis=1), 1)
    np.testing.assert_allclose(gradient.sum(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(preference_policy(H + shift), policy, atol=1e-12)
    np.testing.assert_allclose(preference_gradient(H, means + shift), gradient, atol=1e-11)
    moved = H.copy()
    gradient_update(moved, policy, np.array([0, 3, 1]), means[:, 0], 0.5)
    np.testing.assert_allclose((moved - H).sum(axis=1), 0, atol=1e-10)


@few
@given(numbers(1, 4), numbers(1, 4), st.floats(-10, 10))
def test_mean_update_is_the_exact_gradient_for_every_baseline(H: np.ndarray, means: np.ndarray, base: float) -> None:
    policy, moved = preference_policy(H), np.tile(H, (4, 1))
    gradient_update(moved, np.tile(policy, (4, 1)), np.arange(4), means[0] - base, 1.0)
    np.testing.assert_allclose(policy @ (moved - H), preference_gradient(H, means), atol=1e-9)


@few
@given(arrays(float, (6, 4), elements=st.floats(0.01, 1)), arrays(float, 6, elements=st.floats(0, 1, exclude_max=True)))
def test_an_arm_is_drawn_by_the_distribution_function(weights: np.ndarray, u: np.ndarray) -> None:
    policy = weights / weights.sum(axis=1, keepdims=True)
    a, upto = sample_arm(policy, u), np.concatenate([np.zeros((6, 1)), policy.cumsum(axis=1)], axis=1)
    assert (upto[np.arange(6), a] <= u + 1e-12).all() and (u < upto[np.arange(6), a + 1] + 1e-12).all()


@few
@given(st.lists(st.booleans(), max_size=30))
def test_beta_belief_is_bayes_rule_on_a_grid(outcomes: list[bool]) -> None:
    first, second, theta = np.ones((1, 1)), np.ones((1, 1)), (np.arange(4000) + 0.5) / 4000
    belief = np.ones(4000)
    for outcome in outcomes:
        beta_update(first, second, np.array([0]), np.array([float(outcome)]))
        belief *= theta if outcome else 1 - theta
        belief /= belief.mean()
    wins, losses = float(first[0, 0]), float(second[0, 0])
    np.testing.assert_allclose((belief * theta).mean(), wins / (wins + losses), atol=1e-5)
    np.testing.assert_allclose((belief * theta**2).mean(), wins * (wins + 1) / ((wins + losses) * (wins + losses + 1)), atol=1e-5)


@few
@given(arrays(float, st.integers(0, 12), elements=st.floats(-2, 2)), st.floats(-1, 1), st.floats(0.5, 2), st.floats(0.5, 2))
def test_normal_belief_is_bayes_rule_on_a_grid(rewards: np.ndarray, mean: float, spread: float, noise: float) -> None:
    grid = np.linspace(-14, 14, 14_001)
    log = norm.logpdf(grid, mean, spread) + sum(norm.logpdf(reward, grid, noise) for reward in rewards)
    belief = np.exp(log - log.max())
    belief /= belief.sum()
    m, s = normal_posterior(np.array([[rewards.sum()]]), np.array([[float(len(rewards))]]), mean, spread, noise)
    np.testing.assert_allclose([m[0, 0], s[0, 0]], [belief @ grid, np.sqrt(belief @ grid**2 - (belief @ grid) ** 2)], atol=1e-5)


@few
@given(st.integers(1, 8), seeds, st.floats(0, 3))
def test_ucb_tries_every_arm_first(arms: int, seed: int, c: float) -> None:
    runs = run_bandit(UCB(c, seed=seed), GaussianBandit(arms, runs=5, seed=seed), arms)
    assert (runs.counts == 1).all()
    values = ucb_values(np.zeros((1, 3)), np.array([[4.0, 1.0, 0.0]]), 9, c + 0.1)[0]
    assert values[0] < values[1] < values[2] == np.inf


@few
@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_divergence_is_positive_and_above_pinsker(p: float, q: float) -> None:
    assert bernoulli_kl(p, q) >= 2 * (p - q) ** 2 - 1e-12
    assert bernoulli_kl(p, p) == 0
    if abs(p - q) > 1e-3: assert 0 < lai_robbins([p, q]) <= 1 / (2 * abs(p - q)) + 1e-9


@few
@given(st.integers(0, len(AGENTS) - 1), seeds)
def test_every_agent_lives_the_same_life_twice(which: int, seed: int) -> None:
    bandit, agent = BernoulliBandit(3, runs=4, seed=seed), AGENTS[which](seed)
    one, two = run_bandit(agent, bandit, 30, record=True), run_bandit(agent, bandit, 40, record=True)
    fresh = run_bandit(AGENTS[which](seed), BernoulliBandit(3, runs=4, seed=seed), 30, record=True)
    assert one.actions is not None and two.actions is not None and fresh.rewards is not None and one.rewards is not None
    assert (one.actions == two.actions[:, :30]).all() and (one.actions == fresh.actions).all() and (one.rewards == fresh.rewards).all()
    assert (np.diff(two.regret) >= 0).all() and ((0 <= two.optimal) & (two.optimal <= 1)).all() and (two.counts.sum(axis=1) == 40).all()


def test_agents_share_the_luck_of_a_bandit() -> None:
    bandit = GaussianBandit(4, runs=6, seed=3)
    one, two = (run_bandit(agent, bandit, 50, record=True) for agent in (EpsilonGreedy(1.0, seed=1), UCB(seed=2)))
    assert one.actions is not None and two.actions is not None and one.rewards is not None and two.rewards is not None
    run = np.arange(6)[:, None]
    np.testing.assert_allclose(one.rewards - bandit.means[run, one.actions], two.rewards - bandit.means[run, two.actions], atol=1e-12)


@pytest.mark.parametrize("make", AGENTS)
def test_every_agent_beats_chance(make: Callable[[int], BanditAgent]) -> None:
    bandit = BernoulliBandit([0.2, 0.8], runs=200, seed=0)
    assert run_bandit(make(1), bandit, 300).optimal[-50:].mean() > 0.8


@pytest.mark.slow
def test_the_greedy_agent_is_stuck_at_a_third_for_ever() -> None:
    bandit = GaussianBandit(10, runs=20_000, seed=7)
    short, long = (run_bandit(EpsilonGreedy(0.0, seed=2), bandit, steps) for steps in (1000, 3000))
    assert abs(long.optimal[-1] - short.optimal[-1]) < 0.01 and abs(short.optimal[-1] - 0.358) < 5 * 0.0034
