"Random maps of lesson 4.7: the table against the steps, probabilities, shaping, the window, and Gymnasium's own check."

import os
import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

import rlpt.envs  # noqa: F401  announces the ids
from rlpt.tabular_rl.gridworld import GridWorld, ShapedRewards, potential_bonus, shape_rewards
from rlpt.tabular_rl.mdp import MDP
from rlpt.tabular_rl.planning import greedy_policy, policy_evaluation, value_iteration

EVERYTHING = "########\n#SaA.bP#\n#..#.SB#\n#P.#..G#\n########"


class Dial:
    "A generator that says what it is told, and chooses the first."
    u = 0.0
    def random(self) -> float: return self.u
    def choice(self, options: Any) -> Any: return options[0]


@st.composite
def maps(draw: st.DrawFn) -> str:
    "Maps with every symbol: anything anywhere, with a way cut through it from start to goal, and no door without its key."
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(2, 5))
    cells = np.array(draw(st.lists(st.sampled_from("....##PaAbB"), min_size=rows * columns, max_size=rows * columns))).reshape(rows, columns)
    for key in "ab":
        if not (cells == key).any(): cells[cells == key.upper()] = "#"
    (i, j), (k, m) = (divmod(at, columns) for at in draw(st.lists(st.integers(0, rows * columns - 1), min_size=2, max_size=2, unique=True)))
    way = [*((r, j) for r in range(min(i, k), max(i, k) + 1)), *((k, c) for c in range(min(j, m), max(j, m) + 1))]
    for place in way:
        if cells[place] in "#PAB": cells[place] = "."
    cells[i, j], cells[k, m] = "S", "G"
    for key in "ab":
        if not (cells == key).any(): cells[cells == key.upper()] = "#"
    return "\n".join("".join(row) for row in cells)


def reachable(mdp: MDP) -> np.ndarray:
    "Which states an episode can visit."
    seen = mdp.start > 0
    while True:
        more = seen | (mdp.table[seen].sum(axis=(0, 1)) > 0)
        if (more == seen).all(): return seen
        seen = more


def law_of(env: GridWorld, state: int, action: int, parts: int = 20) -> tuple[np.ndarray, float]:
    "Probabilities and mean reward by stepping with every u of a fine scale."
    dial: Any = Dial()
    env.np_random, P, rewards = dial, np.zeros(env.cells.size << env.key_count), []
    for dial.u in (np.arange(parts) + 0.5) / parts:
        env.state, env.over = (state % env.cells.size, state // env.cells.size), False
        obs, reward, terminated, truncated, _ = env.step(action)
        P[obs] += 1 / parts
        rewards.append(reward)
        assert not truncated and terminated == (env.cells.flat[int(obs) % env.cells.size] in "GP")
    return P, float(np.mean(rewards))


@settings(max_examples=60, deadline=None)
@given(maps(), st.sampled_from([0.0, 0.1, 0.3, 1.0]), st.integers(-3, 3))
def test_the_table_is_the_law_of_the_steps(text: str, slip: float, tenths: int) -> None:
    env = GridWorld(text, slip=slip, rewards={"G": 1.0, "P": -2.0, "a": 0.5, ".": 0.25, "B": -0.125}, step=tenths / 10)
    mdp = env.to_mdp(0.9)
    live = np.flatnonzero(reachable(mdp) & ~mdp.terminal)
    assert np.allclose(mdp.table[live].sum(axis=2), 1)
    for state in live.tolist():
        for action in range(4):
            P, reward = law_of(env, state, action)
            assert np.abs(P - mdp.table[state, action]).max() < 1e-9 and abs(reward - mdp.R[state, action]) < 1e-9


@settings(max_examples=40, deadline=None)
@given(maps())
def test_every_state_that_is_reached_can_still_arrive(text: str) -> None:
    mdp = GridWorld(text, slip=0.2, step=-1.0).to_mdp(1.0)
    assert np.isfinite(value_iteration(mdp).v).all()


@settings(max_examples=40, deadline=None)
@given(maps(), st.integers(0, 10**6))
def test_potentials_keep_the_optimal_policies(text: str, seed: int) -> None:
    mdp, g = GridWorld(text, slip=0.2, step=-0.1).to_mdp(0.9), np.random.default_rng(seed)
    psi = g.normal(scale=3, size=mdp.n_states)
    shaped, live = shape_rewards(mdp, potential_bonus(psi, 0.9, mdp.terminal)), ~mdp.terminal
    plain, other = (value_iteration(task, tol=1e-9) for task in (mdp, shaped))
    assert np.abs((plain.q - psi[:, None] - other.q)[live]).max() < 1e-7
    assert ((greedy_policy(mdp, plain.v, tol=1e-6) > 0) == (greedy_policy(shaped, other.v, tol=1e-6) > 0))[live].all()
    policy = g.dirichlet(np.ones(4), size=mdp.n_states)
    assert np.allclose((policy_evaluation(mdp, policy).q - psi[:, None])[live], policy_evaluation(shaped, policy).q[live])


def test_without_the_discount_a_difference_is_no_potential() -> None:
    "What the property above would say of a wrong bonus: psi(s') - psi(s), without gamma."
    mdp = GridWorld("S......G").to_mdp(0.5)
    psi = np.array([9.0, 0, 0, 0, 0, 0, 0, 0])
    shaped = shape_rewards(mdp, np.where(mdp.terminal, 0.0, psi)[None] - psi[:, None])
    assert value_iteration(shaped).policy[1] != value_iteration(mdp).policy[1]


@pytest.mark.parametrize("mode", [None, "ansi", "rgb_array", "human"])
def test_gymnasium_finds_nothing(mode: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if mode == "human": pytest.importorskip("pygame")
    monkeypatch.setitem(os.environ, "SDL_VIDEODRIVER", "dummy")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gym.make("rlpt/GridWorld-v0", text=EVERYTHING, slip=0.3, render_mode=mode).unwrapped
        check_env(env)
        env.close()


def test_the_window_shows_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    pygame = pytest.importorskip("pygame")
    monkeypatch.setitem(os.environ, "SDL_VIDEODRIVER", "dummy")
    env, still = GridWorld(render_mode="human"), GridWorld(render_mode="rgb_array")
    env.metadata = {**env.metadata, "render_fps": 1000}
    for world in (env, still): world.reset(seed=0)
    assert (pygame.surfarray.array3d(env._window.screen).swapaxes(0, 1) == still.render()).all()
    env.close()
    env.close()


def test_the_same_seed_gives_the_same_episode_and_the_starts_are_even() -> None:
    env = GridWorld(EVERYTHING, slip=0.5)
    def episode(seed: int) -> list[int]:
        seen = [int(env.reset(seed=seed)[0])]
        for action in np.random.default_rng(1).integers(0, 4, 50):
            obs, _, over, _, _ = env.step(action)
            seen.append(int(obs))
            if over: break
        return seen
    assert episode(3) == episode(3)
    first = np.array([int(env.reset(seed=i)[0]) for i in range(400)])
    assert abs((first == first.min()).mean() - 0.5) < 0.1  # four standard errors
    mdp = env.to_mdp()
    assert set(np.flatnonzero(mdp.start)) == set(first.tolist()) and np.allclose(mdp.start[mdp.start > 0], 0.5)


def test_the_wrapper_pays_what_the_shaped_table_says() -> None:
    env = GridWorld(EVERYTHING, slip=0.0, step=-0.1)
    mdp = env.to_mdp(0.9)
    bonus = np.random.default_rng(0).normal(size=(mdp.n_states,) * 2)
    task, shaped = ShapedRewards(env, bonus), shape_rewards(mdp, bonus)
    for seed in range(20):
        state, g = int(task.reset(seed=seed)[0]), np.random.default_rng(seed)
        for _ in range(60):
            action = int(g.integers(4))
            obs, reward, over, _, info = task.step(np.int64(action))
            assert abs(float(reward) - shaped.R[state, action]) < 1e-9 and abs(float(info["reward"]) - mdp.R[state, action]) < 1e-9
            if over: break
            state = int(obs)
