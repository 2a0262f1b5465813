"Features and learners against plain definitions: tiles, waves, tables as a special case, the car against Gymnasium's, and resumption to the last bit."

from collections.abc import Callable
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rlpt.deep_rl.function_approximation import (CAR_HIGH, CAR_LOW, Experience, SemiGradientSarsa, baird, baird_steps, best_weights, fourier_features, gradient_mc, linear_update,
                                                 linear_value, mountain_car_sarsa, mountain_car_step, n_step_parts, on_policy_distribution, polynomial_features, semi_gradient_td,
                                                 spectral_radius, td_bound, td_system, td_weights, tile_coding, tile_count, value_error, walk_episodes)
from rlpt.envs import make
from rlpt.tabular_rl.interaction import returns_to_go
from rlpt.tabular_rl.q_learning import td_target, td_update

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS, st.integers(1, 4), st.integers(1, 9), st.integers(1, 9), st.booleans())
def test_one_tile_of_each_tiling(seed: int, dims: int, tiles: int, tilings: int, uneven: bool) -> None:
    "Each state has exactly one tile in each tiling, in the part of the numbers that belongs to the tiling, also on borders and beyond the range."
    g = np.random.default_rng(seed)
    across = g.integers(1, 6, dims).tolist() if uneven else tiles
    x = np.vstack([g.uniform(-0.3, 1.3, (40, dims)), g.integers(0, 5, (20, dims)) / 4])
    found, total = tile_coding(x, 0, 1, across, tilings), tile_count(dims, across, tilings)
    assert found.shape == (60, tilings) and found.dtype.kind == "i"
    assert (found // (total // tilings) == np.arange(tilings)).all()
    assert found.min() >= 0 and found.max() < total


@given(SEEDS, st.integers(1, 3), st.integers(1, 6), st.integers(1, 6))
def test_tiles_are_boxes(seed: int, dims: int, tiles: int, tilings: int) -> None:
    "The same numbers as from a plain loop over tilings and dimensions; and each tile that a box touches is found."
    x = np.random.default_rng(seed).integers(0, 64, (30, dims)) / 64 + 1 / 257  # not on a border
    cells = tiles + (tilings > 1)
    for point, row in zip(x, tile_coding(x, 0, 1, tiles, tilings)):
        for i in range(tilings):
            number = 0
            for j in range(dims): number = number * cells + int(point[j] * tiles + (i * (2 * j + 1) / tilings) % 1)
            assert row[i] == i * cells**dims + number


@given(st.integers(2, 8), st.integers(1, 8))
def test_every_tile_is_used(tiles: int, tilings: int) -> None:
    "On a fine line no tile is left out."
    x = np.linspace(0, 1, 4001)[:, None]
    found = np.unique(tile_coding(x, 0, 1, tiles, tilings))
    assert len(found) == tile_count(1, tiles, tilings)


@given(st.floats(-100, 100), st.floats(0.1, 100), SEEDS)
def test_scale_of_the_range(low: float, width: float, seed: int) -> None:
    "Moving and stretching the range moves and stretches the features with it."
    x = np.random.default_rng(seed).integers(0, 97, (20, 2)) / 97 + 1e-3
    there = low + width * x
    assert (tile_coding(there, low, low + width) == tile_coding(x, 0, 1)).mean() > 0.97  # rounding may move a point across a border
    np.testing.assert_allclose(fourier_features(there, 3, low, low + width), fourier_features(x, 3), atol=1e-9)
    np.testing.assert_allclose(polynomial_features(there, 3, low, low + width), polynomial_features(x, 3), atol=1e-9)


@given(st.integers(0, 12), st.integers(0, 40))
def test_waves_are_orthogonal(order: int, more: int) -> None:
    "On the middles of a line that is fine enough, the means of products of two different waves vanish."
    n = order + 1 + more
    features = fourier_features((np.arange(n)[:, None] + 0.5) / n, order)
    np.testing.assert_allclose(features.T @ features / n, np.diag([1.0] + [0.5] * order), atol=1e-12)


def test_waves_of_a_square_are_not() -> None:
    "In two dimensions the cosines of sums are no products of cosines: the mean of cos(pi (x + y)) is -(2/pi)^2."
    line = (np.arange(400) + 0.5) / 400
    features = fourier_features(np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2), 1)
    np.testing.assert_allclose(features.mean(axis=0), [1, 0, 0, -((2 / np.pi) ** 2)], atol=1e-5)
    np.testing.assert_allclose((features**2).mean(axis=0), [1, 0.5, 0.5, 0.5], atol=1e-12)


def random_experience(g: np.random.Generator, T: int, N: int, S: int) -> Experience:
    "Steps between random states, with ends, some runs shorter than others."
    states, after = g.integers(0, S, (T, N)), g.integers(0, S, (T, N))
    states[np.arange(T)[:, None] >= g.integers(1, T + 1, N)] = -1
    return Experience(states, g.normal(size=(T, N)), after, g.random((T, N)) < 0.2)


@given(SEEDS, st.integers(1, 30), st.integers(1, 4), st.floats(0.01, 1), st.floats(0, 1))
def test_one_feature_a_state_is_a_table(seed: int, T: int, N: int, alpha: float, gamma: float) -> None:
    "Gradient Monte Carlo and TD(0) with one-hot features are the tabular methods, as numbers and as places."
    g, S = np.random.default_rng(seed), 5
    steps, returns = random_experience(g, T, N, S), g.normal(size=(T, N))
    mc, td = g.normal(size=(N, S)), g.normal(size=(N, S))
    for features in (np.eye(S), np.arange(S)[:, None]):
        table = mc.copy()
        for s, G in zip(steps.states, returns):
            go = np.flatnonzero(s >= 0)
            td_update(table, go, s[go], G[go], alpha)
        np.testing.assert_allclose(gradient_mc(mc.copy(), features, steps.states, returns, alpha), table, atol=1e-12)
        table = td.copy()
        for s, reward, s_next, ended in zip(*steps):
            go = np.flatnonzero(s >= 0)
            td_update(table, go, s[go], td_target(reward[go], table[go, s_next[go]], ended[go], gamma), alpha)
        np.testing.assert_allclose(semi_gradient_td(td.copy(), features, steps, alpha, gamma), table, atol=1e-12)


@given(SEEDS, st.integers(1, 40), st.integers(1, 12), st.floats(0, 1))
def test_n_step_parts(seed: int, T: int, n: int, gamma: float) -> None:
    "Sums, states and factors of (8) as a plain loop finds them."
    g = np.random.default_rng(seed)
    steps = random_experience(g, T, 3, 6)
    total, asked, factor = n_step_parts(steps, n, gamma)
    for i in range(3):
        for t in range(T):
            if steps.states[t, i] < 0: continue
            k, sum_, weight = t, 0.0, 1.0
            while True:
                sum_, weight = sum_ + weight * steps.rewards[k, i], weight * gamma * (not steps.terminated[k, i])
                if steps.terminated[k, i] or k + 1 - t == n or k + 1 == T or steps.states[k + 1, i] < 0 or weight == 0: break
                k += 1
            assert abs(total[t, i] - sum_) < 1e-9 and abs(factor[t, i] - weight) < 1e-12
            if weight > 0: assert asked[t, i] == steps.next_states[k, i]


@given(SEEDS, st.floats(0, 1))
def test_long_targets_are_returns(seed: int, gamma: float) -> None:
    "Beyond the longest episode, n-step targets are the returns of lesson 4.1."
    steps = walk_episodes(3, 2, seed, cells=9, reach=3)
    total, _, factor = n_step_parts(steps, len(steps.states), gamma)
    np.testing.assert_allclose(total, returns_to_go(steps.rewards, gamma, steps.terminated), atol=1e-12)
    assert not factor.any()


@given(SEEDS)
def test_online_n_step_td(seed: int) -> None:
    "The updates one after another are those of the online algorithm, which looks n steps back at each step (S&B §9.4)."
    n, alpha, gamma = 3, 0.3, 0.9
    steps = walk_episodes(1, 1, seed, cells=9, reach=2)
    features, w = fourier_features(np.arange(11)[:, None], 3, 0, 10), np.zeros(4)
    states, rewards = [*steps.states[:, 0].tolist(), int(steps.next_states[-1, 0])], steps.rewards[:, 0]
    T = len(rewards)
    for t in range(T + n - 1):
        tau = t - n + 1
        if tau < 0: continue
        target = sum(gamma ** (k - tau) * rewards[k] for k in range(tau, min(tau + n, T)))
        if tau + n < T: target += gamma**n * float(w @ features[states[tau + n]])
        w = w + alpha * (target - w @ features[states[tau]]) * features[states[tau]]
    np.testing.assert_allclose(semi_gradient_td(np.zeros((1, 4)), features, steps, alpha, gamma, n=n)[0], w, atol=1e-10)


@given(SEEDS, st.integers(1, 6))
def test_places_are_numbers(seed: int, k: int) -> None:
    "Places of active features and rows of zeros and ones say the same."
    g = np.random.default_rng(seed)
    places = np.array([g.permutation(9)[:k] for _ in range(4)])
    dense, w, amount = np.zeros((4, 9)), g.normal(size=(4, 9)), g.normal(size=4)
    np.put_along_axis(dense, places, 1.0, axis=1)
    np.testing.assert_allclose(linear_value(w, places), linear_value(w, dense), atol=1e-12)
    one, other = w.copy(), w.copy()
    linear_update(one, places, amount)
    linear_update(other, dense, amount)
    np.testing.assert_allclose(one, other, atol=1e-12)


@settings(max_examples=60)
@given(SEEDS, st.integers(3, 9), st.floats(0, 0.99))
def test_fixed_point_and_bound(seed: int, S: int, gamma: float) -> None:
    "On policy the mean update shrinks, its fixed point keeps the bound, and with one feature a state it is exact."
    g = np.random.default_rng(seed)
    P, r = g.dirichlet(np.ones(S), S), g.normal(size=S)
    d, v = on_policy_distribution(P), np.linalg.solve(np.eye(S) - gamma * P, r)
    np.testing.assert_allclose(d @ P, d, atol=1e-9)
    x = np.linalg.qr(g.normal(size=(S, 2)))[0]
    A, b = td_system(x, P, r, d, gamma)
    assert spectral_radius(A, 0.01) < 1 and np.linalg.eigvalsh(A + A.T).min() > 0
    least, reached = value_error(x @ best_weights(x, v, d), v, d), value_error(x @ td_weights(A, b), v, d)
    assert least - 1e-9 <= reached and reached**2 <= td_bound(gamma) * least**2 + 1e-9
    np.testing.assert_allclose(td_weights(*td_system(np.eye(S), P, r, d, gamma)), v, rtol=1e-6, atol=1e-6)


@given(SEEDS)
def test_visits_of_episodes(seed: int) -> None:
    "The shares of (5) are those of the summed distributions over time."
    g = np.random.default_rng(seed)
    P = 0.8 * g.dirichlet(np.ones(4), 4)
    h = g.dirichlet(np.ones(4))
    visits, now = np.zeros(4), h
    for _ in range(200): visits, now = visits + now, now @ P
    np.testing.assert_allclose(on_policy_distribution(P, h), visits / visits.sum(), atol=1e-9)


def test_mean_update_of_baird() -> None:
    "The mean of many sampled off-policy updates is the mean update."
    world = baird()
    steps, ratio = baird_steps(1, 200_000, seed=3)
    moved = semi_gradient_td(np.tile(world.w, (200_000, 1)), world.x, steps, 0.01, 0.99, ratio=ratio) - world.w
    A, b = td_system(world.x, world.target, np.zeros(7), np.full(7, 1 / 7), 0.99)
    assert (np.abs(moved.mean(axis=0) - 0.01 * (b - A @ world.w)) < 5 * moved.std(axis=0) / np.sqrt(200_000) + 1e-12).all()


def test_car_is_gymnasiums() -> None:
    "Our car and `MountainCar-v0` go the same way, step by step, to the wall and to the goal."
    env = gym.make("MountainCar-v0", max_episode_steps=5000).unwrapped
    arrivals, walls, g = 0, 0, np.random.default_rng(0)
    for episode in range(20):
        env.reset(seed=episode)
        state = np.array(env.state)[None].astype(float)  # pyright: ignore[reportAttributeAccessIssue]
        for t in range(400):
            pumping = 2 if state[0, 1] >= 0 else 0
            action = int(g.integers(3)) if episode % 2 else (pumping if t < 390 else 1)
            obs, reward, terminated, _, _ = env.step(action)
            state, arrived = mountain_car_step(state, np.array([action]))
            np.testing.assert_allclose(state[0], np.array(env.state, dtype=float), rtol=0, atol=1e-12)  # pyright: ignore[reportAttributeAccessIssue]
            np.testing.assert_allclose(state[0], obs, atol=1e-6)
            assert reward == -1 and bool(arrived[0]) == terminated
            walls += state[0, 0] == CAR_LOW[0]
            arrivals += terminated
            if terminated: break
    assert arrivals >= 10 and walls >= 1


def plain_sarsa(episodes: int, alpha: float, next_state: Callable[[], NDArray[np.float64]]) -> tuple[list[int], NDArray[np.float64]]:
    "Semi-gradient SARSA for one car, line by line; ties go to the first action."
    w, lengths = np.zeros((3, tile_count(2))), []
    for _ in range(episodes):
        state, n = next_state(), 0
        x = tile_coding(state, CAR_LOW, CAR_HIGH)[0]
        a = int(w[:, x].sum(axis=1).argmax())
        while True:
            state, arrived = mountain_car_step(state, np.array([a]))
            n += 1
            x_next = tile_coding(state, CAR_LOW, CAR_HIGH)[0]
            a_next = int(w[:, x_next].sum(axis=1).argmax())
            target = -1.0 if arrived[0] else -1.0 + w[a_next, x_next].sum()
            w[a, x] += alpha / 8 * (target - w[a, x].sum())
            x, a = x_next, a_next
            if arrived[0]: break
        lengths.append(n)
    return lengths, w


def test_batch_of_cars_is_the_plain_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    "With ties to the first action, the batch is the plain loop, also when other runs have dropped out."
    import rlpt.deep_rl.function_approximation as module
    monkeypatch.setattr(module, "epsilon_greedy", lambda q, epsilon, u: q.argmax(axis=-1))
    class Fixed:
        "A generator whose cars always start at the same place."
        def uniform(self, low: float, high: float, n: int) -> NDArray[np.float64]: return np.full(n, -0.5)
        def random(self, n: int) -> NDArray[np.float64]: return np.zeros(n)
    monkeypatch.setattr(module, "rng", lambda seed: Fixed())
    runs = mountain_car_sarsa(4, [0.5, 0.2, 0.5], seed=0)
    for i, alpha in enumerate((0.5, 0.2, 0.5)):
        lengths, w = plain_sarsa(4, alpha, lambda: np.array([[-0.5, 0.0]]))
        assert runs.lengths[i].tolist() == lengths
        np.testing.assert_allclose(runs.w[i], w, atol=1e-9)


@pytest.mark.parametrize("n_envs", [1, 2])
def test_resumes_to_the_last_bit(n_envs: int, tmp_path: Path) -> None:
    "Learn, save, load, learn is learn."
    def car() -> gym.Env: return make("MountainCar-v0", max_episode_steps=300)
    whole = SemiGradientSarsa(car, seed=4, n_envs=n_envs, epsilon=0.1)
    whole.learn(1400, progress=False)
    part = SemiGradientSarsa(car, seed=4, n_envs=n_envs, epsilon=0.1)
    part.learn(770, progress=False)
    part.save(tmp_path / "car.pt")
    again = SemiGradientSarsa.load(tmp_path / "car.pt", env=car)
    again.learn(630, progress=False)
    assert whole.history.lengths.tolist() == again.history.lengths.tolist()
    np.testing.assert_array_equal(whole.w, again.w)
    np.testing.assert_array_equal(whole.chosen, again.chosen)


def test_a_cut_is_no_end() -> None:
    "Where an episode is cut off, the next state keeps its value; where it ends, nothing follows."
    agent = SemiGradientSarsa(lambda: make("MountainCar-v0", max_episode_steps=1), seed=0, alpha=1.0, gamma=0.5)
    agent.w[:] = -10 / 8
    agent.learn(1, progress=False)
    changed = agent.w[agent.w != -10 / 8]
    np.testing.assert_allclose(changed, (-1 + 0.5 * -10) / 8)  # all tiles of the action taken: the new estimate is the target
