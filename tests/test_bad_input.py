"What Part 4 answers to bad input: an error that names the argument, what came, and what was wanted."

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from rlpt.tabular_rl import bandits, interaction, mdp, planning, prediction, q_learning

NAN, INF = float("nan"), float("inf")
WALK, GRID = mdp.random_walk(), mdp.small_gridworld()
S, A = GRID.n_states, GRID.n_actions
V, Q, P, R = np.zeros(S), np.zeros((S, A)), np.full((2, 1, 2), 0.5), np.zeros((2, 1))
UNIFORM = mdp.uniform_policy(GRID)
BATCH = prediction.sample_episodes(WALK, mdp.uniform_policy(WALK), 3, seed=0, runs=2)
EPSILON, BANDIT = bandits.EpsilonGreedy(0.1, seed=0), bandits.GaussianBandit(3, runs=2, seed=0)
ANY: Any = None


def odd(value: Any) -> Any: return value


def broken(array: np.ndarray, at: Any, value: Any) -> np.ndarray:
    "A copy with one entry changed."
    copy = array.copy()
    copy[at] = value
    return copy


# what is called, the kind of error, and words that its message holds: the argument, what came, what was wanted
CASES: dict[str, tuple[Callable[[], Any], Any, tuple[str, ...]]] = {
    # 4.1
    "return of gamma 1.5": (lambda: interaction.discounted_return([1.0], 1.5), ValueError, ("gamma", "1.5", "[0, 1]")),
    "return of gamma NaN": (lambda: interaction.discounted_return([1.0], NAN), ValueError, ("gamma", "nan")),
    "return of NaN": (lambda: interaction.discounted_return([1.0, NAN], 0.9), ValueError, ("rewards[1]", "nan")),
    "return of words": (lambda: interaction.discounted_return(ANY, 0.9), TypeError, ("rewards",)),
    "returns of a negative gamma": (lambda: interaction.returns_to_go(np.ones(2), -0.1, np.array([False, True])), ValueError, ("gamma", "-0.1")),
    "returns, ends of another length": (lambda: interaction.returns_to_go(np.ones(3), 0.9, np.array([False, True])), ValueError, ("terminated", "3")),
    "returns, cut off without a value": (lambda: interaction.returns_to_go(np.ones(2), 0.9, np.zeros(2, bool), np.array([False, True])), ValueError, ("next_values", "row [1]", "unfinished")),
    # 4.2: what an MDP may be
    "row that does not sum to 1": (lambda: mdp.MDP(broken(P, (1, 0, 0), 0.4), R, 0.9), ValueError, ("state '1'", "action '0'", "0.9", "wanted 1")),
    "negative probability": (lambda: mdp.MDP(np.array([[[1.5, -0.5]], [[0.5, 0.5]]]), R, 0.9), ValueError, ("state '0'", "[0, 1]")),
    "probability of NaN": (lambda: mdp.MDP(broken(P, (0, 0, 1), NAN), R, 0.9), ValueError, ("state '0'", "nan")),
    "reward of NaN": (lambda: mdp.MDP(P, broken(R, (1, 0), NAN), 0.9), ValueError, ("R[state '1'", "nan", "finite")),
    "reward without end": (lambda: mdp.MDP(P, broken(R, (0, 0), INF), 0.9), ValueError, ("R[state '0'", "inf")),
    "MDP of gamma 1.01": (lambda: mdp.MDP(P, R, 1.01), ValueError, ("gamma", "1.01", "[0, 1]")),
    "gamma 1 without an end": (lambda: mdp.MDP(P, R, 1.0), ValueError, ("gamma = 1", "terminal")),
    "P of another shape": (lambda: mdp.MDP(np.full((2, 2, 2), 0.5), R, 0.9), ValueError, ("P", "(2, 1, 2)")),
    "sparse P of another shape": (lambda: mdp.MDP(sparse.csr_array(np.eye(3)), R, 0.9), ValueError, ("P", "(2, 2)")),
    "P of words": (lambda: mdp.MDP(ANY, R, 0.9), (TypeError, ValueError), ("P",)),
    "terminal state that pays": (lambda: mdp.MDP(np.array([[[0, 1.0]], [[0, 1.0]]]), np.ones((2, 1)), 0.9, terminal=np.array([False, True])), ValueError, ("R[state '1'", "terminal")),
    "terminal state that moves": (lambda: mdp.MDP(np.array([[[0, 1.0]], [[1.0, 0]]]), R, 0.9, terminal=np.array([False, True])), ValueError, ("state '1'", "terminal")),
    "nothing but ends": (lambda: mdp.MDP(np.eye(2)[:, None], R, 0.9, terminal=np.array([True, True])), ValueError, ("terminal",)),
    "start in an end": (lambda: mdp.MDP(np.array([[[0, 1.0]], [[0, 1.0]]]), R, 0.9, terminal=np.array([False, True]), start=np.array([0.0, 1.0])), ValueError, ("start", "'1'")),
    "start that sums to 0.9": (lambda: mdp.MDP(P, R, 0.9, start=np.array([0.5, 0.4])), ValueError, ("start", "0.9")),
    "names that repeat": (lambda: mdp.MDP(P, R, 0.9, state_names=("a", "a")), ValueError, ("state_names", "different")),
    # 4.2: the functions around it
    "unknown next state": (lambda: mdp.from_dict({"a": {"go": [(1.0, "b", 0.0)]}}, 0.9), ValueError, ("'a'", "'go'", "'b'")),
    "unknown start": (lambda: mdp.from_dict({"a": {"go": [(1.0, "a", 0.0)]}}, 0.9, start="b"), ValueError, ("start", "'b'", "'a'")),
    "transition to nowhere": (lambda: mdp.from_transitions([0], [0], [5], [1.0], [0.0], states=2, actions=1, gamma=0.9), ValueError, ("next_state", "5", "2")),
    "robot of probability 1.2": (lambda: mdp.recycling_robot(alpha=1.2), ValueError, ("alpha", "1.2")),
    "policy of another shape": (lambda: mdp.policy_table(GRID, np.zeros(3, int)), ValueError, ("policy", f"({S},)")),
    "policy with an unknown action": (lambda: mdp.policy_table(GRID, np.full(S, 7)), ValueError, ("policy[state", "7", f"[0, {A})")),
    "policy that sums to 2": (lambda: mdp.policy_table(GRID, 2 * UNIFORM), ValueError, ("sum of policy", "2")),
    "policy of NaN": (lambda: mdp.expected_return(GRID, UNIFORM * NAN), ValueError, ("policy", "nan")),
    "Gymnasium without tables": (lambda: mdp.from_gymnasium("CartPole-v1", 0.9), (TypeError, ValueError), ("CartPole",)),
    "unknown environment": (lambda: mdp.from_gymnasium("FrozenLke-v1", 0.9), ValueError, ("FrozenLke-v1", "FrozenLake")),
    "random MDP without states": (lambda: mdp.random_mdp(0, 2, seed=0), ValueError, ("states", "0")),
    "random MDP that branches too far": (lambda: mdp.random_mdp(3, 2, seed=0, branching=4), ValueError, ("branching", "4", "3")),
    "grid with an unknown sign": (lambda: mdp.grid_mdp("S?G"), ValueError, ("?",)),
    "ragged grid": (lambda: mdp.grid_mdp("S.G\n.."), ValueError, ("2",)),
    "slip of 2": (lambda: mdp.grid_mdp("S.G", slip=2.0), ValueError, ("slip", "2")),
    "walk of no length": (lambda: mdp.random_walk(0), ValueError, ("n", "0")),
    "simulation of a negative length": (lambda: mdp.simulate(GRID, UNIFORM, runs=2, seed=0, steps=-1), ValueError, ("steps", "-1")),
    # 4.3
    "epsilon of 1.1": (lambda: bandits.EpsilonGreedy(1.1, seed=0), ValueError, ("epsilon", "1.1", "[0, 1]")),
    "step size of 0": (lambda: bandits.EpsilonGreedy(0.1, seed=0, alpha=0.0), ValueError, ("alpha", "0")),
    "optimism of NaN": (lambda: bandits.OptimisticGreedy(NAN, seed=0), ValueError, ("initial", "nan")),
    "negative doubt": (lambda: bandits.UCB(-1.0, seed=0), ValueError, ("c", "-1")),
    "bandit without arms": (lambda: bandits.GaussianBandit(0, seed=0), ValueError, ("arms", "0")),
    "negative noise": (lambda: bandits.GaussianBandit(3, seed=0, noise=-1.0), ValueError, ("noise", "-1")),
    "Bernoulli arm of 1.5": (lambda: bandits.BernoulliBandit([0.5, 1.5], seed=0), ValueError, ("arms", "1.5")),
    "no steps": (lambda: bandits.run_bandit(EPSILON, BANDIT, 0), ValueError, ("steps", "0")),
    "half a step": (lambda: bandits.run_bandit(EPSILON, BANDIT, odd(0.5)), (TypeError, ValueError), ("steps", "0.5")),
    "class in the place of an agent": (lambda: bandits.run_bandit(odd(bandits.UCB), BANDIT, 5), TypeError, ("agent",)),
    "list in the place of a bandit": (lambda: bandits.run_bandit(EPSILON, odd([1, 2]), 5), TypeError, ("bandit",)),
    "prior of minus one": (lambda: bandits.ThompsonBernoulli(seed=0, wins=-1.0), ValueError, ("wins", "-1")),
    "Lai and Robbins on 1.2": (lambda: bandits.lai_robbins([0.5, 1.2]), ValueError, ("means", "1.2")),
    # 4.4
    "target of gamma 1.5": (lambda: q_learning.td_target(1.0, 1.0, False, 1.5), ValueError, ("gamma", "1.5")),
    "target, column against row": (lambda: q_learning.td_target(np.ones(3), np.ones((3, 1)), np.zeros(3, bool), 0.9), ValueError, ("next_value", "(3, 1)")),
    "schedule from 2": (lambda: q_learning.epsilon_schedule(0, start=2.0), ValueError, ("start", "2")),
    "policy of epsilon -0.1": (lambda: q_learning.epsilon_greedy_policy(Q, -0.1), ValueError, ("epsilon", "-0.1")),
    "unknown rule": (lambda: q_learning.train_tabular(GRID, odd("q_lerning"), episodes=1, seed=0), ValueError, ("rule", "q_lerning", "q_learning")),
    "no episodes": (lambda: q_learning.train_tabular(GRID, "sarsa", episodes=0, seed=0), ValueError, ("episodes", "0")),
    "alpha of 0": (lambda: q_learning.train_tabular(GRID, "sarsa", episodes=1, seed=0, alpha=0.0), ValueError, ("alpha", "0")),
    "alphas for other runs": (lambda: q_learning.train_tabular(GRID, "sarsa", episodes=1, seed=0, runs=2, alpha=[0.1, 0.2, 0.3]), ValueError, ("alpha", "(2,)")),
    "seed of -1": (lambda: q_learning.train_tabular(GRID, "sarsa", episodes=1, seed=-1), ValueError, ("seed", "-1")),
    "walk on another table": (lambda: q_learning.greedy_rollouts(GRID, np.zeros((3, 3)), 0), ValueError, ("Q", f"{S}")),
    "walk on a table of NaN": (lambda: q_learning.greedy_rollouts(WALK, np.full((WALK.n_states, WALK.n_actions), NAN), 0), ValueError, ("Q", "nan")),
    "agent with gamma 2": (lambda: q_learning.QLearning("FrozenLake-v1", gamma=2.0), ValueError, ("gamma", "2")),
    "agent on a pole": (lambda: q_learning.Sarsa("CartPole-v1"), TypeError, ("observation_space", "Discrete")),
    "unknown hyperparameter": (lambda: q_learning.QLearning("FrozenLake-v1", alhpa=0.1), ValueError, ("alhpa", "alpha")),
    # 4.5
    "no episodes to judge by": (lambda: prediction.sample_episodes(WALK, mdp.uniform_policy(WALK), 0, seed=0), ValueError, ("episodes", "0")),
    "no runs": (lambda: prediction.sample_episodes(WALK, mdp.uniform_policy(WALK), 3, seed=0, runs=0), ValueError, ("runs", "0")),
    "empty list of episodes": (lambda: prediction.pack_episodes([], WALK), ValueError, ("episodes",)),
    "step size of 2": (lambda: prediction.td0(BATCH, 2.0), ValueError, ("alpha", "2")),
    "no rewards in a target": (lambda: prediction.n_step_td(BATCH, 0, 0.1), ValueError, ("n", "0")),
    "decay of 1.5": (lambda: prediction.td_lambda(BATCH, 1.5, 0.1), ValueError, ("lam", "1.5", "[0, 1]")),
    "unknown trace": (lambda: prediction.td_lambda(BATCH, 0.5, 0.1, trace=odd("duch")), ValueError, ("trace", "duch", "dutch")),
    "first table of another shape": (lambda: prediction.td0(BATCH, 0.1, initial=np.zeros(3)), ValueError, ("initial", f"{WALK.n_states}")),
    "table after episode 9 of 3": (lambda: prediction.mc_prediction(BATCH, snapshots=[9]), ValueError, ("snapshots", "9")),
    "card of 11": (lambda: prediction.dealer_distribution(11), ValueError, ("card", "11", "10")),
    "hand of 30": (lambda: prediction.blackjack_state(30, 2, False), ValueError, ("total", "30")),
    # 4.6
    "backup of values of another shape": (lambda: planning.bellman_optimality(GRID, np.zeros(3)), ValueError, ("v", f"{S}")),
    "backup of NaN": (lambda: planning.q_from_v(GRID, broken(V, 1, NAN)), ValueError, ("v[1]", "nan")),
    "backup along no policy": (lambda: planning.bellman_expectation(GRID, V, np.zeros((2, 2))), ValueError, ("policy",)),
    "plan without a world": (lambda: planning.value_iteration(odd(3)), TypeError, ("mdp", "MDP")),
    "tolerance of 0": (lambda: planning.value_iteration(GRID, tol=0.0), ValueError, ("tol", "0")),
    "unknown sweep": (lambda: planning.value_iteration(GRID, sweep=odd("gaus_seidel")), ValueError, ("sweep", "gauss_seidel")),
    "unknown method": (lambda: planning.policy_evaluation(GRID, UNIFORM, method=odd("exakt")), ValueError, ("method", "exact")),
    "policy to begin with, of another shape": (lambda: planning.policy_iteration(GRID, np.zeros(2, int)), ValueError, ("policy", f"({S},)")),
    "negative sweeps": (lambda: planning.modified_policy_iteration(GRID, sweeps=-1), ValueError, ("sweeps", "-1")),
    "gambler with a chance of 1.2": (lambda: planning.gambler(1.2), ValueError, ("p", "1.2")),
    "gambler with nothing to win": (lambda: planning.gambler(goal=1), ValueError, ("goal", "1")),
    "car rental without cars": (lambda: planning.jacks_car_rental(most=0), ValueError, ("most", "0")),
    "car rental with minus three customers": (lambda: planning.jacks_car_rental(requests=(-3.0, 4.0)), ValueError, ("requests", "-3"))}


def test_there_are_enough() -> None:
    "Sixty cases at least."
    assert len(CASES) >= 60


@pytest.mark.parametrize("name", CASES)
def test_bad_input(name: str) -> None:
    "The error is of the right kind, and its message names what it should."
    call, kind, words = CASES[name]
    with pytest.raises(kind) as caught: call()
    message = str(caught.value)
    assert [word for word in words if word not in message] == [], message
