"Planning against exact arithmetic: every method on random worlds, dense and sparse, discounted and not, and the bound that each reports."

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from rlpt.tabular_rl.mdp import MDP, from_dict, from_gymnasium, from_transitions, grid_mdp, induced_chain, random_mdp, small_gridworld, uniform_policy
from rlpt.tabular_rl.planning import (Plan, bellman_expectation, bellman_optimality, gambler, greedy_policy, jacks_car_rental, modified_policy_iteration, policy_evaluation,
                                      policy_iteration, prioritized_sweeping, q_from_v, value_iteration)

METHODS: list[Callable[[MDP], Plan]] = [value_iteration, lambda mdp: value_iteration(mdp, stop="change"), lambda mdp: value_iteration(mdp, sweep="gauss_seidel"),
                                        policy_iteration, modified_policy_iteration, lambda mdp: modified_policy_iteration(mdp, sweeps=3), prioritized_sweeping]


def exact_value(mdp: MDP, policy: NDArray[np.int64]) -> list[Fraction] | None:
    "The value of a policy in rational numbers, for the very floats of P and R; None where it has none."
    go, gamma = [s for s in range(mdp.n_states) if not mdp.terminal[s]], Fraction(mdp.gamma)
    rows = [[Fraction(int(s == t)) - gamma * Fraction(float(mdp.table[s, policy[s], t])) for t in go] + [Fraction(float(mdp.R[s, policy[s]]))] for s in go]
    for i in range(len(go)):
        pivot = next((k for k in range(i, len(go)) if rows[k][i]), None)
        if pivot is None: return None
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [x / rows[i][i] for x in rows[i]]
        for k in range(len(go)):
            if k != i and rows[k][i]: rows[k] = [x - rows[k][i] * y for x, y in zip(rows[k], rows[i])]
    v = [Fraction(0)] * mdp.n_states
    for s, row in zip(go, rows): v[s] = row[-1]
    return v


def exact_optimum(mdp: MDP) -> list[Fraction]:
    "The optimal values in rational numbers: policy iteration from a policy that ends, improved only where it pays."
    policy = policy_iteration(mdp).policy
    while True:
        v = exact_value(mdp, policy)
        assert v is not None
        better = policy.copy()
        for s in np.flatnonzero(~mdp.terminal):
            worth = {a: Fraction(float(mdp.R[s, a])) + Fraction(mdp.gamma) * sum((Fraction(float(p)) * v[t] for t, p in enumerate(mdp.table[s, a]) if p), Fraction(0))
                     for a in np.flatnonzero(mdp.available[s])}
            best = max(worth, key=lambda a: worth[a])
            if worth[best] > v[s]: better[s] = best
        if (better == policy).all(): return v
        policy = better


def error(v: NDArray[np.float64], true: list[Fraction]) -> float: return float(max(abs(Fraction(float(x)) - y) for x, y in zip(v, true)))


@st.composite
def worlds(draw: st.DrawFn, gammas: tuple[float, ...] = (0.0, 0.5, 0.9, 0.99, 1.0)) -> MDP:
    "A small random world: some actions missing, some ends, dense or sparse; with gamma = 1 every step costs something."
    S, A, gamma = draw(st.integers(2, 5)), draw(st.integers(1, 3)), draw(st.sampled_from(gammas))
    g = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    P = g.dirichlet(np.full(S, draw(st.sampled_from([0.1, 1.0]))), size=(S, A))
    if draw(st.booleans()): P = np.eye(S)[P.argmax(axis=2)]
    terminal = np.arange(S) == S - 1 if gamma == 1 else g.random(S) < 0.2
    terminal[0] = False
    R = g.integers(-3, 4, size=(S, A)) / draw(st.sampled_from([1.0, 7.0]))
    if gamma == 1:
        R, P[:, 0] = -np.abs(R) - 0.25, 0.75 * P[:, 0] + 0.25 * np.eye(S)[-1]
    missing = g.random((S, A)) < 0.2
    missing[:, 0] = False
    P[terminal], R[terminal] = np.eye(S)[terminal][:, None], 0.0
    missing[terminal] = False
    P[missing], R[missing] = 0.0, -np.inf
    matrix = sparse.csr_array(P.reshape(S * A, S)) if draw(st.booleans()) else P
    return MDP(matrix, R, gamma, terminal=terminal)


@settings(max_examples=60, deadline=None)
@given(worlds())
def test_all_methods_agree_with_exact_arithmetic_and_their_bounds_hold(mdp: MDP) -> None:
    true = exact_optimum(mdp)
    for method in METHODS:
        plan = method(mdp)
        assert error(plan.v, true) <= plan.bound <= 1.001e-8
        achieved = exact_value(mdp, plan.policy)
        assert achieved is not None and float(max(y - x for x, y in zip(achieved, true))) <= 1e-5
        np.testing.assert_array_equal(plan.q == -np.inf, ~mdp.available)
        np.testing.assert_allclose(plan.q, q_from_v(mdp, plan.v))


@pytest.mark.parametrize("seed", range(30, 40))
def test_bounds_hold_where_one_sweep_is_enough_but_for_rounding(seed: int) -> None:
    "Equal rewards: the bounds (9) meet at once, and what is left of the error is the rounding of gamma times the sum of a row, divided by 1 - gamma twice."
    g = np.random.default_rng(seed)
    S, A = int(g.integers(2, 6)), int(g.integers(1, 4))
    mdp = MDP(g.dirichlet(np.ones(S), size=(S, A)), np.full((S, A), 3.0), 0.99)
    true = exact_optimum(mdp)
    for method in METHODS:
        plan = method(mdp)
        assert error(plan.v, true) <= plan.bound <= 1e-8


def test_the_values_returned_are_those_whose_bound_was_met() -> None:
    "A world in which one more backup makes the difference."
    world = MDP(np.array([[[0.30005309, 0.69994691]], [[0.0, 1.0]]]), np.array([[-2.25], [0.0]]), 1.0, terminal=np.array([False, True]))
    for method in METHODS: assert method(world).bound <= 1e-8


@settings(max_examples=60, deadline=None)
@given(worlds(), st.integers(1, 12))
def test_bound_holds_when_stopped_early(mdp: MDP, sweeps: int) -> None:
    true = exact_optimum(mdp)
    for plan in (value_iteration(mdp, max_iterations=sweeps), value_iteration(mdp, stop="change", max_iterations=sweeps), value_iteration(mdp, sweep="gauss_seidel", max_iterations=sweeps),
                 modified_policy_iteration(mdp, max_iterations=sweeps), policy_iteration(mdp, max_iterations=1), prioritized_sweeping(mdp, max_iterations=sweeps)):
        assert error(plan.v, true) <= plan.bound


@settings(max_examples=60, deadline=None)
@given(worlds(), st.integers(0, 2**32 - 1))
def test_evaluation_satisfies_its_equation_within_its_bound(mdp: MDP, seed: int) -> None:
    pi = np.random.default_rng(seed).dirichlet(np.ones(mdp.n_actions), size=mdp.n_states) * mdp.available
    pi /= pi.sum(axis=1, keepdims=True)
    if mdp.gamma == 1: pi = 0.5 * pi + 0.5 * np.eye(mdp.n_actions)[np.zeros(mdp.n_states, dtype=int)]
    chain, r = induced_chain(mdp, pi)
    one = MDP((chain if isinstance(chain, np.ndarray) else chain.toarray())[:, None], r[:, None], mdp.gamma, terminal=mdp.terminal)
    true = exact_value(one, np.zeros(mdp.n_states, dtype=np.int64))
    assert true is not None
    for method in ("exact", "iterative", "in_place"):
        plan = policy_evaluation(mdp, pi, method)
        assert error(plan.v, true) <= plan.bound + 1e-14 * max(map(abs, true)) and plan.bound <= 1.001e-8
        np.testing.assert_allclose(bellman_expectation(mdp, plan.v, pi), plan.v, atol=2.1e-8)
        early = policy_evaluation(mdp, pi, method, max_iterations=3)
        assert error(early.v, true) <= early.bound + 1e-14 * max(map(abs, true))


@settings(max_examples=40, deadline=None)
@given(worlds(gammas=(0.5, 0.9, 1.0)))
def test_linear_programme_and_brute_force_agree(mdp: MDP) -> None:
    plan, pairs = policy_iteration(mdp), np.argwhere(mdp.available & ~mdp.terminal[:, None])
    rows = np.array([mdp.gamma * mdp.table[s, a] - np.eye(mdp.n_states)[s] for s, a in pairs])
    fixed = [(0.0, 0.0) if end else (None, None) for end in mdp.terminal]
    found = linprog(np.ones(mdp.n_states), rows, -mdp.R[tuple(pairs.T)], bounds=fixed, options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10})
    np.testing.assert_allclose(found.x, plan.v, atol=1e-6)
    values = []
    for policy in product(*(np.flatnonzero(row) if not end else [0] for row, end in zip(mdp.available, mdp.terminal))):
        chosen = np.array(policy)
        if mdp.gamma == 1:
            try: values.append(policy_evaluation(mdp, chosen).v)
            except ValueError: continue
        else: values.append(policy_evaluation(mdp, chosen).v)
    np.testing.assert_allclose(np.max(values, axis=0), plan.v, atol=1e-8)


def slow_chain(n: int, gamma: float, sparse_P: bool) -> MDP:
    "A corridor: walking right arrives after a long time, resting pays a little now."
    s = np.arange(n)
    return from_transitions(np.concatenate([s, s, s]), np.concatenate([0 * s, 0 * s, 0 * s + 1]), np.concatenate([np.minimum(s + 1, n - 1), np.maximum(s - 1, 0), s]),
                            np.concatenate([0.9 + 0 * s, 0.1 + 0 * s, 1.0 + 0 * s]), np.concatenate([s / n, s / n, 0.3 + 0.0 * s]), states=n, actions=2, gamma=gamma, sparse_P=sparse_P)


@pytest.mark.parametrize("sparse_P", [False, True])
@pytest.mark.parametrize("gamma", [0.9, 0.99, 0.999])
def test_bound_on_slow_mixing_chains(gamma: float, sparse_P: bool) -> None:
    mdp = slow_chain(12, gamma, sparse_P)
    true = exact_optimum(mdp)
    for method in METHODS:
        plan = method(mdp)
        assert error(plan.v, true) <= plan.bound <= 1.001e-8


@pytest.mark.parametrize("sparse_P", [False, True])
def test_free_loops_with_gamma_one(sparse_P: bool) -> None:
    "Where an agent may walk in circles at no cost, the Bellman equation has many solutions; the planner finds the right one, and a policy that gets there."
    worlds = [from_gymnasium("FrozenLake-v1", 1.0, sparse_P=sparse_P), grid_mdp("S..#\n.#.X\n...G", slip=0.2, rewards={"G": 1.0, "X": -1.0}, sparse_P=sparse_P),
              grid_mdp("S....\n.....\n....G", sparse_P=sparse_P), grid_mdp("S.\n.X", rewards={"X": -1.0}, sparse_P=sparse_P)]
    truth = [14 / 17, None, 1.0, 0.0]
    for mdp, wanted in zip(worlds, truth):
        plans = [method(mdp) for method in METHODS]
        for plan in plans:
            assert plan.bound <= 1.001e-8
            np.testing.assert_allclose(plan.v, plans[3].v, atol=2e-8)
            if wanted != 0.0: np.testing.assert_allclose(policy_evaluation(mdp, plan.policy).v, plan.v, atol=1e-7)
            if wanted is not None: assert abs(plan.v[0] - wanted) <= plan.bound


def test_endless_gain_is_refused() -> None:
    mdp = from_dict({"a": {"loop": [(1.0, "a", 1.0)], "stop": [(1.0, "end", 0.0)]}, "end": {}}, 1.0)
    for method in METHODS:
        with pytest.raises(ValueError, match="from state 'a' an agent can go on for ever at a gain"): method(mdp)
    costly = from_dict({"a": {"there": [(1.0, "b", 1.0)], "stop": [(1.0, "end", 0.0)]}, "b": {"back": [(1.0, "a", -2.0)]}, "end": {}}, 1.0)
    for method in METHODS: np.testing.assert_allclose(method(costly).v, [0.0, -2.0, 0.0], atol=1e-8)
    lost = MDP(np.array([[[0.0, 1.0, 0.0]], [[0.0, 1.0, 0.0]], [[0.0, 0.0, 1.0]]]), np.array([[0.0], [0.0], [-1.0]]), 1.0, terminal=np.array([False, True, False]), start=np.array([1.0, 0.0, 0.0]))
    with pytest.raises(ValueError, match="from state '2' no action ever leads to a terminal state"): value_iteration(lost)


def test_dense_and_sparse_are_one(seed: int = 3) -> None:
    for gamma in (0.9, 0.99):
        one, other = (random_mdp(60, 4, seed, gamma, branching=4, sparse_P=kind) for kind in (False, True))
        for method in METHODS:
            a, b = method(one), method(other)
            np.testing.assert_allclose(a.v, b.v, atol=a.bound + b.bound)
            np.testing.assert_array_equal(a.policy, b.policy)


def test_gauss_seidel_is_the_loop() -> None:
    mdp = random_mdp(30, 3, 1, 0.9)
    v = np.zeros(30)
    for _ in range(4):
        for s in range(30): v[s] = (mdp.R[s] + 0.9 * mdp.table[s] @ v).max()
    plan = value_iteration(mdp, sweep="gauss_seidel", stop="change", max_iterations=4)
    np.testing.assert_allclose(plan.v, v)
    P, r = induced_chain(mdp, uniform_policy(mdp))
    v = np.zeros(30)
    for _ in range(4):
        for s in range(30): v[s] = r[s] + 0.9 * P[s] @ v
    np.testing.assert_allclose(policy_evaluation(mdp, uniform_policy(mdp), "in_place", max_iterations=4).v, v)


def test_large_sparse_worlds_use_the_iterative_solver_and_stay_within_the_bound() -> None:
    mdp = random_mdp(2000, 4, 0, 0.95, branching=3, sparse_P=True)
    plan = policy_iteration(mdp)
    dense = replace(mdp, P=mdp.table, rewards=None)
    np.testing.assert_allclose(plan.v, policy_evaluation(dense, plan.policy).v, atol=plan.bound + 1e-11)
    assert plan.bound < 1e-8


def test_values_of_the_book() -> None:
    np.testing.assert_allclose(gambler_values(), [0.16, 0.4, 0.64], atol=1e-8)
    plan = policy_iteration(jacks_car_rental(), np.full(441, 5))
    assert plan.iterations == 5 and (plan.policy.min() - 5, plan.policy.max() - 5) == (-4, 5)
    assert (round(plan.v.min(), 1), round(plan.v.max(), 1)) == (421.4, 637.0)


def gambler_values() -> NDArray[np.float64]: return policy_iteration(gambler()).v[[25, 50, 75]]


def test_bad_input_is_named() -> None:
    mdp = small_gridworld()
    planners: list[Callable[..., Plan]] = [value_iteration, policy_iteration, modified_policy_iteration, prioritized_sweeping]
    for planner in planners:
        with pytest.raises(TypeError, match="mdp = 'maze', wanted an MDP"): planner("maze")
        with pytest.raises(ValueError, match="max_iterations = 0, wanted an integer >= 1"): planner(mdp, max_iterations=0)
        if planner is not policy_iteration:
            with pytest.raises(ValueError, match="tol = 0, wanted a number > 0"): planner(mdp, tol=0)
    for call in (lambda: bellman_optimality(mdp, np.zeros(3)), lambda: q_from_v(mdp, np.zeros(3)), lambda: bellman_expectation(mdp, np.zeros(3), uniform_policy(mdp)),
                 lambda: greedy_policy(mdp, np.zeros(3)), lambda: value_iteration(mdp, v=np.zeros(3))):
        with pytest.raises(ValueError, match=r"v = array of shape \(3,\), wanted shape \(S,\) with S = 16"): call()
    with pytest.raises(ValueError, match=r"v\[2\] = nan, wanted a finite number"): q_from_v(mdp, np.where(np.arange(16) == 2, np.nan, 0.0))
    with pytest.raises(ValueError, match="did you mean 'gauss_seidel'"): value_iteration(mdp, sweep="gauss_seidle")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="stop = 'never', wanted one of 'span', 'change'"): value_iteration(mdp, stop="never")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="method = 'guess', wanted one of"): policy_evaluation(mdp, uniform_policy(mdp), "guess")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no episode from state .* ever ends"): policy_evaluation(mdp, np.zeros(16, dtype=int))
    with pytest.raises(ValueError, match="no episode from state .* ever ends"): policy_iteration(mdp, np.zeros(16, dtype=int))
    with pytest.raises(ValueError, match="policy = array of shape"): policy_iteration(mdp, uniform_policy(mdp))
    with pytest.raises(ValueError, match="sweeps = -1, wanted an integer >= 0"): modified_policy_iteration(mdp, sweeps=-1)
    with pytest.raises(ValueError, match="tol = -1, wanted a number >= 0"): greedy_policy(mdp, np.zeros(16), tol=-1)
    with pytest.raises(ValueError, match="p = 1.4, wanted a number in"): gambler(1.4)
    with pytest.raises(ValueError, match="goal = 1, wanted an integer >= 2"): gambler(goal=1)
    with pytest.raises(ValueError, match="gamma = 1.5, wanted a number in"): jacks_car_rental(1.5)
    with pytest.raises(ValueError, match=r"requests\[1\] = -1, wanted a number >= 0"): jacks_car_rental(requests=(3, -1))
    with pytest.raises(ValueError, match="returns = .*, wanted two means"): jacks_car_rental(returns=(1, 2, 3))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="moves = 30, wanted an integer in"): jacks_car_rental(moves=30)
