"Draw the picture on the home page, nbs/images/home.png: one equation, its function, its test, and what it is for."

from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes

from rlpt.optimization.losses import bce_with_logits, loss_surface, mse
from rlpt.plots import use_style
from tools.notebooks import NBS

EQUATION = r"$L = \frac{1}{N}\,\sum_{i}\,\left(\log(1 + e^{z_i}) - y_i z_i\right)\qquad (5)$"
FUNCTION = """def bce_with_logits(logit: Tensor, target: Tensor) -> Tensor:
    softplus = torch.logaddexp(logit, torch.zeros_like(logit))
    return (softplus - target * logit).mean()"""
TEST = """test_close(bce_with_logits(z, y),
           F.binary_cross_entropy_with_logits(z, y))"""


def card(ax: Axes, heading: str, text: str, size: float, mono: bool) -> None:
    "Write one card: a heading and a text."
    ax.set_axis_off()
    ax.text(0, 1, heading, va="top", size=11, weight="bold", transform=ax.transAxes)
    ax.text(0.02, 0.72 if mono else 0.66, text, va="top", size=size, family="monospace" if mono else None, transform=ax.transAxes, linespacing=1.5)


def main() -> None:
    "Draw and save."
    use_style()
    fig = plt.figure(figsize=(9.4, 3.9), layout="constrained")
    halves: Any = fig.subfigures(1, 2, width_ratios=[1.25, 1])
    cards, right = halves
    top, middle, bottom = cards.subplots(3, 1, gridspec_kw={"height_ratios": [1, 1.2, 1]})
    card(top, "The equation,", EQUATION, 14, False)
    card(middle, "the function under it,", FUNCTION, 9, True)
    card(bottom, "and the test under that.", TEST, 9, True)

    x, y = torch.tensor([-3., -2., -1., 1., 2., 3.]), torch.tensor([0., 0., 1., 1., 1., 1.])
    w = torch.linspace(-12, 12, 481)
    desert = loss_surface(mse, lambda x, w: (w * x).sigmoid(), x, y, w)
    valley = loss_surface(bce_with_logits, lambda x, w: w * x, x, y, w)
    upper, lower = right.subplots(2, 1, sharex=True)
    upper.plot(w, desert)
    lower.plot(w, valley, color="C1")
    upper.set(ylabel="squared error", title="And then you see why: a desert, and a valley")
    lower.set(ylabel="cross-entropy", xlabel="weight of a one-weight classifier")
    (NBS / "images").mkdir(exist_ok=True)
    fig.savefig(NBS / "images" / "home.png", dpi=130, pad_inches=0.15, bbox_inches="tight", metadata={"Software": None})


if __name__ == "__main__": main()
