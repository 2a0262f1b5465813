"Prioritised replay under any sequence of updates, and through a checkpoint at any split."

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rlpt.core import rng
from rlpt.deep_rl.dqn import DQN, ReplayBuffer
from rlpt.deep_rl.replay import PrioritizedReplay, SumTree

VALUES = st.one_of(st.just(0.0), st.floats(1e-9, 1e9))


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, list[list[tuple[int, float]]]]:
    "A number of leaves, and batches of leaves with their new values."
    n = draw(st.integers(1, 40))
    return n, draw(st.lists(st.lists(st.tuples(st.integers(0, n - 1), VALUES), min_size=1, max_size=6), max_size=25))


@given(histories())
@settings(max_examples=150, deadline=None)
def test_sums(history: tuple[int, list[list[tuple[int, float]]]]) -> None:
    "Each node is the sum of the two below it, the leaves are what was written last, and nothing is drawn that is zero."
    n, batches = history
    tree, plain = SumTree(n), np.zeros(n)
    for batch in batches:
        at, values = (np.array(column) for column in zip(*batch))
        tree.update(at, values)
        for leaf, value in batch: plain[leaf] = value
        assert np.array_equal(tree.values, plain)
        nodes = np.arange(1, 1 << tree.depth)
        assert np.array_equal(tree._sums[nodes], tree._sums[2 * nodes] + tree._sums[2 * nodes + 1])
        assert np.isclose(tree.total, plain.sum(), rtol=1e-12)
    if plain.any():
        edges = np.concatenate([[0.0], tree._sums[1:2], rng(0).random(30) * tree.total])
        assert (plain[tree.find(edges)] > 0).all()


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=50), st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_shares(weights: list[int], seed: int) -> None:
    "A point belongs to the leaf in whose share it lies, as adding up from the left says; whole numbers are added without rounding."
    if not any(weights): return
    tree = SumTree(len(weights))
    tree.update(np.arange(len(weights)), np.array(weights, float))
    points = rng(seed).random(40) * tree.total
    assert np.array_equal(tree.find(points), np.searchsorted(np.cumsum(weights), points, side="right"))


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 6), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_same_memory(envs: int, n_step: int, rows: int, seed: int) -> None:
    "What is drawn is stored, every stored transition has a priority above zero, and its content is that of a plain buffer."
    g, line, two = rng(seed), gym.spaces.Box(-1, 1, (2,)), gym.spaces.Discrete(2)
    sizes: Any = (rows * envs, line, two, envs, n_step, 0.9)
    urgent, plain = PrioritizedReplay(*sizes, alpha=1.0), ReplayBuffer(*sizes)
    for _ in range(15):
        step: tuple[NDArray[Any], ...] = (g.random((envs, 2)).astype(np.float32), g.integers(2, size=envs), g.random(envs),
                                          g.random((envs, 2)).astype(np.float32), g.random(envs) < 0.2, g.random(envs) < 0.2)
        for memory in (urgent, plain): memory.add(*step)
        batch = urgent.sample(16, g)
        for mine, its in zip(batch[:-1], plain.get(batch.slots.numpy())[:-1]): assert torch.equal(mine, its)
        urgent.update(batch.slots, torch.from_numpy(np.where(g.random(16) < 0.3, 0.0, g.normal(size=16)).astype(np.float32)))
        stored = (plain._head - 1 - np.arange(len(plain))) % len(plain._rewards)
        assert sorted(np.flatnonzero(urgent.tree.values)) == sorted(stored)
        assert batch.weights is not None and 0 < batch.weights.min() and batch.weights.max() == 1


def small(path: Path | None = None) -> DQN:
    "A small agent with a prioritised memory and three rewards in a target; a new one, or from a file."
    spaces = gym.make("CartPole-v1")
    memory = PrioritizedReplay(240, spaces.observation_space, spaces.action_space, n_envs=8, n_step=3, beta_steps=500)
    if path is not None: return DQN.load(path, replay=memory)
    return DQN("CartPole-v1", 4, replay=memory, hidden=(8,), batch_size=16, learning_starts=96, target_every=10)


@pytest.fixture(scope="module")
def whole() -> DQN:
    "What 400 steps without interruption give."
    agent = small()
    agent.learn(400, progress=False)
    return agent


@given(st.integers(1, 399))
@settings(max_examples=25, deadline=None)
def test_any_split(tmp_path_factory: pytest.TempPathFactory, whole: DQN, split: int) -> None:
    "Learn, save, load, learn gives the very bits that learn alone gives, wherever it was interrupted."
    path = tmp_path_factory.mktemp("split") / "half.pt"
    half = small()
    half.learn(split, progress=False)
    half.save(path)
    loaded = small(path)
    loaded.learn(400 - split, progress=False)
    assert all(torch.equal(tensor, loaded.state_dict()[name]) for name, tensor in whole.state_dict().items())
    one, other = whole.replay, loaded.replay
    assert isinstance(one, PrioritizedReplay) and isinstance(other, PrioritizedReplay)
    assert np.array_equal(one.tree._sums, other.tree._sums) and one.beta == other.beta and one._largest == other._largest
    assert whole.history == loaded.history and whole.rng.bit_generator.state == loaded.rng.bit_generator.state
