"""From the lines of a skeleton to the segments of a vessel network: spurs cut, short bridges closed, lines joined.

Every length is judged against the calibre of the vessel at hand, so the network of a picture and of the same picture
at another size agree.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retina_tools.biomarkers.skeleton import Traces

Floats = NDArray[np.float64]


class Network:
    """A graph of nodes and chains of points that is simplified step by step.

    Parameters
    ----------
    traces : Traces
        Lines of a skeleton.
    radius : ndarray of float, shape (nodes,)
        Distance from each node to the vessel wall, in px.
    """

    def __init__(self, traces: Traces, radius: Floats) -> None:
        self.chains: dict[int, Floats] = {k: chain.astype(float) for k, chain in enumerate(traces.chains)}
        self.ends: dict[int, list[int]] = {k: [int(a), int(b)] for k, (a, b) in enumerate(traces.ends)}
        self.length = {k: _chain_length(chain) for k, chain in self.chains.items()}
        self.node_yx: list[Floats] = list(traces.node_yx)
        self.radius: list[float] = [float(value) for value in radius]
        self.parts = [1] * len(self.node_yx)
        self.at: list[list[int]] = [[] for _ in self.node_yx]
        for line, (first, last) in self.ends.items():
            self.at[first].append(line)
            self.at[last].append(line)

    def degree(self, node: int) -> int:
        """How many line ends meet at a node; a loop counts twice."""
        return len(self.at[node])

    def simplify(self) -> Network:
        """Repeat the three steps until nothing changes."""
        for _ in range(20):
            changed = self._cut_spurs()
            changed |= self._close_bridges()
            changed |= self._join_lines()
            if not changed:
                break
        self._drop_specks()
        self._reach_nodes()
        return self

    def _cut_spurs(self) -> bool:
        """Remove free ends that show less than half a calibre beyond the wall of the vessel they leave, and tiny loops.

        The shortest goes first, and only while its node still branches, so a forked tip keeps one of its two prongs.
        """
        changed = False
        for line in sorted(self.length, key=lambda k: (self.length[k], k)):
            first, last = self.ends[line]
            if first == last:
                spur = self.degree(first) > 2 and self.length[line] < 4 * self.radius[first] + 4
            else:
                node, tip = (first, last) if self.degree(last) == 1 else (last, first)
                spur = (
                    self.degree(tip) == 1 and self.degree(node) >= 3 and self.length[line] < 2 * self.radius[node] + 1
                )
            if spur:
                self._remove(line)
                changed = True
        return changed

    def _close_bridges(self) -> bool:
        """Make one node of two branchings that lie inside each other's vessel, as the two halves of a crossing do."""
        changed = False
        for line in sorted(self.length, key=lambda k: (self.length[k], k)):
            keep, drop = self.ends[line]
            reach = self.radius[keep] + self.radius[drop] + 1
            if keep == drop or self.length[line] > reach or min(self.degree(keep), self.degree(drop)) < 3:
                continue
            self._remove(line)
            share = self.parts[drop] / (self.parts[keep] + self.parts[drop])
            self.node_yx[keep] = (1 - share) * self.node_yx[keep] + share * self.node_yx[drop]
            self.parts[keep] += self.parts[drop]
            self.radius[keep] = max(self.radius[keep], self.radius[drop])
            for other in self.at[drop]:
                side = self.ends[other].index(drop)
                self.ends[other][side] = keep
            self.at[keep] += self.at[drop]
            self.at[drop] = []
            changed = True
        return changed

    def _join_lines(self) -> bool:
        """Make one line of two that meet at a node where nothing branches."""
        changed = False
        for node in range(len(self.at)):
            if self.degree(node) != 2 or self.at[node][0] == self.at[node][1]:
                continue
            one, two = sorted(self.at[node])
            head = self.chains[one] if self.ends[one][1] == node else self.chains[one][::-1]
            tail = self.chains[two] if self.ends[two][0] == node else self.chains[two][::-1]
            start = self.ends[one][0 if self.ends[one][1] == node else 1]
            stop = self.ends[two][1 if self.ends[two][0] == node else 0]
            self._remove(one)
            self._remove(two)
            self.chains[one] = np.concatenate([head, tail])
            self.length[one] = _chain_length(self.chains[one])
            self.ends[one] = [start, stop]
            self.at[start].append(one)
            self.at[stop].append(one)
            changed = True
        return changed

    def _drop_specks(self) -> None:
        """Remove lone lines no longer than they are wide: dots, not vessels."""
        for line, (first, last) in list(self.ends.items()):
            alone = self.degree(first) == 1 and self.degree(last) == 1
            if len(self.chains[line]) < 3 or (
                alone and self.length[line] <= 2 * max(self.radius[first], self.radius[last]) + 1
            ):
                self._remove(line)

    def _reach_nodes(self) -> None:
        """Lead the lines at a node that was several to its middle, so that no length is lost with the bridges."""
        for line, (first, last) in self.ends.items():
            parts = [self.chains[line]]
            if self.parts[first] > 1:
                parts.insert(0, self.node_yx[first][None])
            if self.parts[last] > 1:
                parts.append(self.node_yx[last][None])
            self.chains[line] = np.concatenate(parts)

    def _remove(self, line: int) -> None:
        for node in self.ends.pop(line):
            self.at[node].remove(line)
        del self.chains[line], self.length[line]


def _chain_length(chain: Floats) -> float:
    return float(np.hypot(*np.diff(chain, axis=0).T).sum()) if len(chain) > 1 else 0.0
