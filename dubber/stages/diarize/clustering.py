"""Vectors into voices: average-linkage clustering by cosine, how many voices there are found or given. Knows no
time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dubber.stages.diarize.windows import Vectors, unit

Labels = npt.NDArray[np.intp]

BLOCK = 1_500
"""Vectors whose every pair is compared at once: some 20 minutes of speech, 18 MB of cosines."""
KEPT = 10
"""Out of this many vectors one group is left where there are more than BLOCK; groups then go on as their sums. Average
linkage of sums is exact, so all that is lost is that the nearest of a block's vectors could have joined another
block's."""
INSIDE = 0.1
"""So far above the cosine that two voices' windows may have, windows are one voice's: only a given number cuts
there."""


@dataclass(frozen=True)
class Groups:
    """Vectors as groups: their weighted `sums`, shape (n, width), and `weights`, shape (n,)."""

    sums: Vectors
    weights: Vectors

    def likeness(self) -> Vectors:
        """Mean cosine between the members of every two groups, shape (n, n)."""
        means = self.sums / self.weights[:, None]
        alike: Vectors = means @ means.T
        return alike


def cluster(vectors: Vectors, weights: Vectors, same: float, shortest: float, count: int | None) -> Labels:
    """The voice of each vector, 0 and up in order of appearance, -1 for those that belong to none clearly.

    vectors: (n, width), unit rows; weights: (n,), milliseconds, over 0. Groups are joined while the mean cosine
    between their members is `same` or more, and a voice is a group of `shortest` ms or more; at least one is found.
    Where `count` is given there are as many voices (fewer only for fewer vectors), whatever the cosines and times.
    Average linkage (UPGMA) by cosine is what 3D-Speaker clusters few vectors of CAM++ by.
    """
    if not len(vectors):
        return np.zeros(0, np.intp)
    leaf = _coarse(vectors, weights)
    total: Vectors = np.bincount(leaf, weights).astype(np.float64)
    sums = np.zeros((len(total), vectors.shape[1]))
    np.add.at(sums, leaf, vectors * weights[:, None])
    joins = _joined(Groups(sums, total), None)
    if count is None:
        owner, big = _at(joins, total, sum(alike >= same for _, _, alike in joins))
        chosen = [root for root in big if big[root] >= shortest] or [max(big, key=lambda root: big[root])]
    else:
        owner, chosen = _exactly(joins, total, min(count, len(total)), shortest, same + INSIDE)
    number = {root: i for i, root in enumerate(chosen)}
    return in_order(np.array([number.get(int(owner[one]), -1) for one in leaf], np.intp))


def centroids(vectors: Vectors, weights: Vectors, labels: Labels) -> Vectors:
    """The mean direction of each voice, shape (voices, width), unit rows; members of -1 count for nobody."""
    sums = np.zeros((int(labels.max()) + 1, vectors.shape[1]))
    known = labels >= 0
    np.add.at(sums, labels[known], vectors[known] * weights[known, None])
    return unit(sums)


def in_order(labels: Labels) -> Labels:
    """The same voices, numbered by first appearance; -1 stays."""
    numbers: dict[int, int] = {-1: -1}
    for label in labels:
        numbers.setdefault(int(label), len(numbers) - 1)
    return np.array([numbers[int(label)] for label in labels], np.intp)


def _coarse(vectors: Vectors, weights: Vectors) -> Labels:
    """A group number for each vector, at most BLOCK groups: neighbours in time first, so memory stays bounded."""
    leaf = np.arange(len(vectors))
    groups = Groups(vectors * weights[:, None], weights)
    while len(groups.weights) > BLOCK:
        owners = []
        for start in range(0, len(groups.weights), BLOCK):
            some = Groups(groups.sums[start : start + BLOCK], groups.weights[start : start + BLOCK])
            joins = _joined(some, max(1, len(some.weights) // KEPT))
            owners.append(_at(joins, some.weights, len(joins))[0] + start)
        _, owner = np.unique(np.concatenate(owners), return_inverse=True)
        sums = np.zeros((int(owner.max()) + 1, vectors.shape[1]))
        np.add.at(sums, owner, groups.sums)
        groups = Groups(sums, np.bincount(owner, groups.weights).astype(np.float64))
        leaf = owner[leaf]
    return leaf


def _joined(groups: Groups, left: int | None) -> list[tuple[int, int, float]]:
    """The joins of average linkage in order, until `left` groups (None: one) remain: (stays, goes into it, cosine).

    Each row remembers its nearest; after a join only rows whose nearest it was look again (average linkage is
    reducible: no group comes nearer by a join than its nearer part was).
    """
    alike, weights = groups.likeness(), groups.weights.copy()
    np.fill_diagonal(alike, -np.inf)
    nearest = alike.argmax(axis=1)
    value = alike[np.arange(len(alike)), nearest]
    joins: list[tuple[int, int, float]] = []
    for _ in range(len(alike) - (left or 1)):
        one = int(value.argmax())
        one, other = sorted((one, int(nearest[one])))
        joins.append((one, other, float(alike[one, other])))
        row = (weights[one] * alike[one] + weights[other] * alike[other]) / (weights[one] + weights[other])
        weights[one] += weights[other]
        row[[one, other]] = -np.inf
        alike[one], alike[:, one] = row, row
        alike[other], alike[:, other] = -np.inf, -np.inf
        value[other] = -np.inf
        stale = np.flatnonzero(((nearest == one) | (nearest == other)) & np.isfinite(value))
        for i in {one, *stale.tolist()}:
            nearest[i] = alike[i].argmax()
            value[i] = alike[i, nearest[i]]
    return joins


def _at(joins: list[tuple[int, int, float]], weights: Vectors, done: int) -> tuple[Labels, dict[int, float]]:
    """After the first `done` joins: the group of every leaf, and each group's weight."""
    owner = np.arange(len(weights))
    big = dict(enumerate(weights.tolist()))
    for one, other, _ in joins[:done]:
        big[one] += big.pop(other)
        owner[owner == other] = one
    return owner, big


def _exactly(
    joins: list[tuple[int, int, float]], weights: Vectors, count: int, shortest: float, inside: float
) -> tuple[Labels, list[int]]:
    """A moment at which `count` groups are voices: (group of every leaf, those groups).

    It is the latest one at which so many weigh `shortest` or more, for a stray vector that finds no company must not
    count for a voice while two voices are joined for it. Where that comes only by cutting through what is as alike as
    `inside`, somebody says little: then half that weight will do, and so on. Where nothing helps, a voice is cut after
    all.
    """
    first: int | None = None
    while True:
        moment = _latest(joins, weights, count, shortest)
        if moment is not None and first is None:
            first = moment
        done = shortest <= float(weights.min())
        if moment is not None and (moment == len(joins) or joins[moment][2] < inside):
            break
        if done:
            moment = first if first is not None else 0
            break
        shortest /= 2
    owner, big = _at(joins, weights, moment)
    return owner, sorted(big, key=lambda root: -big[root])[:count]


def _latest(joins: list[tuple[int, int, float]], weights: Vectors, count: int, shortest: float) -> int | None:
    """After how many joins there are `count` groups of `shortest` or more for the last time; None for never."""
    size, many = weights.copy(), int((weights >= shortest).sum())
    latest = 0 if many >= count else None
    for moment, (one, other, _) in enumerate(joins, 1):
        many -= int(size[one] >= shortest) + int(size[other] >= shortest)
        size[one] += size[other]
        many += int(size[one] >= shortest)
        if many >= count:
            latest = moment
    return latest
