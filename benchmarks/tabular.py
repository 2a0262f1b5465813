"""Part 4 beside plain loops as tutorials write them, and beside pymdptoolbox: `make bench`.

The loops step one run at a time, through NumPy's choice and argmax or through Gymnasium. Where all of the work would take them minutes, they do a part of it
and are charged for the whole.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"): os.environ.setdefault(_name, "1")

import argparse
import time
from collections.abc import Callable
from importlib import import_module
from itertools import product
from math import exp, factorial
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from benchmarks.timing import Pair, keep, measure, report
from rlpt.tabular_rl.bandits import EpsilonGreedy, GaussianBandit, run_bandit
from rlpt.tabular_rl.mdp import MDP, cliff_walking, from_gymnasium, random_mdp, random_walk, uniform_policy
from rlpt.tabular_rl.planning import jacks_car_rental, policy_iteration, value_iteration
from rlpt.tabular_rl.prediction import blackjack, mc_prediction, n_step_td, sample_episodes
from rlpt.tabular_rl.q_learning import train_tabular

BANDITS, PLANNING, PREDICTION, RULES = (f"rlpt.tabular_rl.{name}" for name in ("bandits", "planning", "prediction", "q_learning"))


# --- the 10-armed testbed, S&B Figure 2.2

def testbed(runs: int = 2000, steps: int = 1000) -> None:
    for epsilon in (0.0, 0.01, 0.1): run_bandit(EpsilonGreedy(epsilon, seed=1), GaussianBandit(10, runs, seed=0), steps)


def testbed_loop(runs: int, steps: int = 1000) -> None:
    g = np.random.default_rng(0)
    for epsilon in (0.0, 0.01, 0.1):
        for _ in range(runs):
            means, Q, N = g.normal(size=10), np.zeros(10), np.zeros(10)
            for _ in range(steps):
                if g.random() < epsilon: a = g.integers(10)
                else: a = g.choice(np.flatnonzero(Q == Q.max()))
                reward = g.normal(means[a])
                N[a] += 1
                Q[a] += (reward - Q[a]) / N[a]


# --- Q-learning through Gymnasium, as most tutorials have it

def gym_loop(name: str, episodes: int, alpha: float, gamma: float, epsilon: float, sarsa: bool = False) -> None:
    env, g = gym.make(name), np.random.default_rng(0)
    Q = np.zeros((int(getattr(env.observation_space, "n")), int(getattr(env.action_space, "n"))))

    def choose(s: int) -> int:
        return int(g.integers(Q.shape[1])) if g.random() < epsilon else int(g.choice(np.flatnonzero(Q[s] == Q[s].max())))

    for episode in range(episodes):
        s, over = env.reset(seed=episode)[0], False
        a = choose(s)
        while not over:
            s2, reward, terminated, truncated, _ = env.step(a)
            over = terminated or truncated
            a2 = choose(s2)
            value = Q[s2, a2] if sarsa else Q[s2].max()
            Q[s, a] += alpha * (float(reward) + gamma * value * (not terminated) - Q[s, a])
            s, a = s2, a2
    env.close()


# --- Jack's car rental with loops over states, actions and Poisson numbers, S&B Figure 4.2

def poisson(n: int, mean: float) -> float: return exp(-mean) * mean**n / factorial(n)


def jack_sweep(V: NDArray[np.float64], policy: NDArray[np.int64], most: int = 20, upper: int = 11) -> None:
    "One evaluation sweep over all states, each with its 11 to the fourth combinations shortened to two for requests and the mean for returns, as published code does."
    for i, j in product(range(most + 1), repeat=2):
        move, value = int(policy[i, j]), 0.0
        one, two = min(i - move, most), min(j + move, most)
        for n, m in product(range(upper), repeat=2):
            rented = min(one, n), min(two, m)
            left = min(one - rented[0] + 3, most), min(two - rented[1] + 2, most)
            value += poisson(n, 3) * poisson(m, 4) * (10 * sum(rented) + 0.9 * V[left])
        V[i, j] = value - 2 * abs(move)


def jack_loop(sweeps: int) -> None:
    V, policy = np.zeros((21, 21)), np.zeros((21, 21), dtype=np.int64)
    for _ in range(sweeps): jack_sweep(V, policy)


# --- the walk over 19 cells, S&B Figure 7.2, and half a million games of blackjack, S&B Figure 5.1

NS, SIZES = [2**k for k in range(10)], np.linspace(0, 1, 21)


def walk(runs: int = 100) -> None:
    world = random_walk(19, left=-1.0)
    n_step_td(sample_episodes(world, uniform_policy(world), episodes=10, runs=runs, seed=0), NS, SIZES)


def walk_loop(runs: int) -> None:
    g = np.random.default_rng(0)
    for _, n, alpha in product(range(runs), NS, SIZES):
        V = np.zeros(21)
        for _ in range(10):
            states, rewards = [10], [0.0]
            while 0 < states[-1] < 20:
                states.append(states[-1] + g.choice([-1, 1]))
                rewards.append({0: -1.0, 20: 1.0}.get(states[-1], 0.0))
            T = len(states) - 1
            for t in range(T):
                G = sum(rewards[t + 1:min(t + n, T) + 1])
                if t + n < T: G += V[states[t + n]]
                V[states[t]] += alpha * (G - V[states[t]])


def games(episodes: int = 25_000, runs: int = 20) -> None:
    world = blackjack()
    policy = np.array([int(not name.startswith(("20", "21"))) for name in world.state_names])
    mc_prediction(sample_episodes(world, policy, episodes, seed=0, runs=runs), first_visit=False, snapshots=[episodes])


def games_loop(episodes: int) -> None:
    env, totals, counts = gym.make("Blackjack-v1", sab=True), dict[Any, float](), dict[Any, int]()
    for episode in range(episodes):
        state, over, seen, reward = env.reset(seed=episode)[0], False, list[Any](), 0.0
        while not over:
            seen.append(state)
            state, reward, over, _, _ = env.step(int(state[0] < 20))
        for state in seen: totals[state], counts[state] = totals.get(state, 0.0) + float(reward), counts.get(state, 0) + 1
    env.close()


# --- planning

def slow_mixing(n: int = 1000, gamma: float = 0.99) -> MDP:
    "A corridor in which news travels one state a sweep: forward with 0.9, back with 0.1, two actions."
    P, R = np.zeros((n, 2, n)), np.full((n, 2), -1.0)
    s: Any = np.arange(n)
    for a, towards in enumerate((-1, 1)):
        np.add.at(P, (s, a, np.clip(s + towards, 0, n - 1)), 0.9)
        np.add.at(P, (s, a, np.clip(s - towards, 0, n - 1)), 0.1)
    R[-1] = 0.0
    return MDP(P, R, gamma)


def toolbox(kind: str, mdp: MDP, sparse_P: bool) -> Callable[[], Any]:
    "A method of pymdptoolbox on the same numbers; its constructor, which checks them, belongs to it as the checks of MDP do to ours."
    peers = import_module("mdptoolbox.mdp")     # by name: only `make bench` installs it, and the types are checked without it
    rows = mdp.matrix.tocsr()
    P: Any = [rows[a::mdp.n_actions] for a in range(mdp.n_actions)] if sparse_P else np.ascontiguousarray(mdp.table.transpose(1, 0, 2))
    if sparse_P:
        from scipy.sparse import csr_matrix
        P = [csr_matrix(part) for part in P]
    options: dict[str, Any] = {} if kind == "PolicyIteration" else {"epsilon": 1e-6}
    return lambda: getattr(peers, kind)(P, mdp.R, mdp.gamma, **options).run()


def certified(mdp: MDP, **options: Any) -> None:
    plan = value_iteration(mdp, 1e-6, **options)
    assert plan.bound <= 1e-6


def pairs() -> list[Pair]:
    "All pairs; worlds are made here, outside of the time."
    cliff, taxi, jack = cliff_walking(), from_gymnasium("Taxi-v4", gamma=0.6), jacks_car_rental()
    dense, sparse, slow = random_mdp(1000, 10, seed=0, gamma=0.99, branching=1000), random_mdp(10_000, 10, seed=0, gamma=0.99, branching=5, sparse_P=True), slow_mixing()
    quick: dict[str, Any] = {"episodes": 5000, "alpha": 0.1, "epsilon": 0.1, "max_steps": 200, "seed": 0}
    return [
        Pair("testbed, 3 x 2,000 x 1,000", testbed, lambda: testbed_loop(20), "a plain loop", BANDITS, 0.01, 1.0, 2),
        Pair("Taxi-v4, Q, 5,000 episodes", lambda: train_tabular(taxi, "q_learning", **quick), lambda: gym_loop("Taxi-v4", 5000, 0.1, 0.6, 0.1),
             "a plain loop over Gymnasium", RULES),
        Pair("cliff, Q, 500 episodes", lambda: train_tabular(cliff, "q_learning", episodes=500, alpha=0.5, epsilon=0.1, seed=0),
             lambda: gym_loop("CliffWalking-v1", 500, 0.5, 1.0, 0.1), "a plain loop over Gymnasium", RULES),
        Pair("cliff, SARSA, 500 x 500 runs", lambda: train_tabular(cliff, "sarsa", episodes=500, runs=500, alpha=0.5, epsilon=0.1, seed=0),
             lambda: gym_loop("CliffWalking-v1", 500, 0.5, 1.0, 0.1, sarsa=True), "a plain loop over Gymnasium", RULES, 1 / 500, 3.0),
        Pair("19-cell walk, n-step TD, 100 runs", walk, lambda: walk_loop(1), "a plain loop", PREDICTION, 0.01, 3.0, 2),
        Pair("blackjack, 500,000 games", games, lambda: games_loop(5000), "a plain loop over Gymnasium", PREDICTION, 0.01, 0.3, 2),
        Pair("Jack's car rental, planned", lambda: policy_iteration(jack), lambda: jack_loop(2), "loops, 80 sweeps", PLANNING, 2 / 80, 0.05, 2),
        Pair("dense, S = 1,000, A = 10", lambda: certified(dense), toolbox("ValueIteration", dense, False), "pymdptoolbox value iteration", PLANNING, target=0.1),
        Pair("dense, policy iteration", lambda: policy_iteration(dense), toolbox("PolicyIteration", dense, False), "pymdptoolbox policy iteration", PLANNING),
        Pair("corridor, S = 1,000, A = 2", lambda: certified(slow), toolbox("PolicyIteration", slow, False), "pymdptoolbox policy iteration", PLANNING),
        Pair("sparse, S = 10,000, A = 10", lambda: certified(sparse), toolbox("ValueIteration", sparse, True), "pymdptoolbox value iteration", PLANNING, target=0.3, peer_runs=1)]


def main() -> None:
    "Measure all pairs, or those whose names contain a word; print the table, and store it when all were measured."
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("word", nargs="?", default="")
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    began, rows = time.perf_counter(), []
    for pair in pairs():
        if args.word not in pair.name: continue
        rows.append(measure(pair, args.runs))
        print(report(rows[-1:]).splitlines()[-1], flush=True)
    print(f"\n{report(rows)}")
    if not args.word: keep("tabular", rows, sorted({pair.code for pair in pairs()}), time.perf_counter() - began)


if __name__ == "__main__": main()
