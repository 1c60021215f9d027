"""Make the moves that pay, as long as there are any."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.compile import inner_kernel, kernel
from lastmile_net.solve.graph import LEAF
from lastmile_net.solve.steiner.construct import span, spans, tree_cost
from lastmile_net.solve.steiner.moves import find_moves

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.graph import Graph
    from lastmile_net.solve.steiner.moves import Moves

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]
    Flags = NDArray[np.bool_]

MOST_TRIES = 48
"""A batch of moves that fail together is halved, and its halves, until this many were tried."""


def improve(graph: Graph, via: Shorts, passes: int) -> Shorts:
    """
    Improve a tree by exchanges until none gains or the passes are over.

    Parameters
    ----------
    graph
        The graph.
    via
        A tree that spans.
    passes
        At most this many times all moves are looked for.

    Returns
    -------
    better
        A tree that spans and costs no more.

    Notes
    -----
    A pass is O(m log n). Moves are judged each by itself and done together; where they
    get in each other's way, they are done by halves.
    """
    for _ in range(passes):
        moves = find_moves(graph, via)
        order = np.argsort(-moves.gain[: moves.fill[0]], kind="stable")
        better = do_moves(graph, via, moves, compatible(graph, moves, order))
        if tree_cost(graph, better) == tree_cost(graph, via):
            break
        via = better
    return via


@kernel
def apply_moves(graph: Graph, via: Shorts, moves: Moves, chosen: Shorts) -> Shorts:
    """
    Return the tree after some moves at once, best first, without those that would cut something off.

    Two moves that are fine each by itself may hang a branch of one on the branch of the other, and that one on the
    first. So what is left is flooded, part by part, and moves whose loss tore parts asunder are taken back, the last
    first, until all hangs together again (Kruskal's rule, over parts and moves).
    """
    inside = via >= 0
    inside[0] = True
    for i in chosen:
        for j in range(moves.gone_start[i], moves.gone_start[i + 1]):
            inside[moves.gone[j]] = False
    for i in chosen:
        for j in range(moves.come_start[i], moves.come_start[i + 1]):
            inside[moves.come[j]] = True
    part = np.full(len(via), -1, np.int32)
    streets, parts = label_parts(graph, inside, part)
    lead = np.arange(parts)
    for place in range(len(chosen) - 1, -1, -1):
        if parts == 1:
            break
        i = chosen[place]
        joined = join_parts(graph, part, streets, lead, moves.gone[moves.gone_start[i] : moves.gone_start[i + 1]])
        parts -= joined
        if joined > 0:
            for j in range(moves.gone_start[i], moves.gone_start[i + 1]):
                inside[moves.gone[j]] = True
    return span(graph, inside)


@inner_kernel
def label_parts(graph: Graph, inside: Flags, part: Shorts) -> tuple[int, int]:
    """Label the parts that the nodes inside fall into; return how many there are with streets, and in all."""
    queue = np.empty(len(part), np.int32)
    parts = 0
    for first in range(len(part)):
        if not inside[first] or part[first] >= 0 or graph.kind[first] == LEAF:
            continue
        part[first] = parts
        queue[0] = first
        count, done = 1, 0
        while done < count:
            v = queue[done]
            done += 1
            for i in range(graph.start[v], graph.start[v + 1]):
                u = graph.nbr[i]
                if inside[u] and part[u] < 0:
                    part[u] = parts
                    if graph.kind[u] != LEAF:
                        queue[count] = u
                        count += 1
        parts += 1
    streets = parts
    for leaf in range(len(part)):
        if inside[leaf] and part[leaf] < 0:
            part[leaf] = parts
            parts += 1
    return streets, parts


@inner_kernel
def join_parts(graph: Graph, part: Shorts, streets: int, lead: Ints, gone: Shorts) -> int:
    """
    Join the parts next to nodes that come back, `lead` being their union-find forest; return how many fewer.

    No way leads through a leaf: one by itself, with a number from `streets` on, is joined once, and joins nothing.
    """
    first, fewer = -1, 0
    for v in gone:
        for h in range(graph.start[v], graph.start[v + 1]):
            u = graph.nbr[h]
            p = int(part[u])
            if p < 0 or (graph.kind[u] == LEAF and p < streets):
                continue
            if p >= streets:
                fewer += lead[p] == p
                lead[p] = 0
                continue
            while lead[p] != p:
                lead[p] = lead[lead[p]]
                p = lead[p]
            if first < 0:
                first = p
            elif p != first:
                lead[p] = first
                fewer += 1
    return fewer


@kernel
def compatible(graph: Graph, moves: Moves, order: Ints) -> Shorts:
    """Choose moves, in this order, such that none takes away a node that another one touches."""
    touched = np.zeros(len(graph.kind), np.bool_)
    gone = np.zeros(len(graph.kind), np.bool_)
    chosen = np.empty(len(order), np.int32)
    count = 0
    for i in order:
        free = True
        for j in range(moves.gone_start[i], moves.gone_start[i + 1]):
            free = free and not touched[moves.gone[j]]
        for j in range(moves.come_start[i], moves.come_start[i + 1]):
            free = free and not gone[moves.come[j]]
        if not free:
            continue
        for j in range(moves.gone_start[i], moves.gone_start[i + 1]):
            v = moves.gone[j]
            gone[v] = True
            touched[v] = True
            for h in range(graph.start[v], graph.start[v + 1]):
                touched[graph.nbr[h]] = True
        for j in range(moves.come_start[i], moves.come_start[i + 1]):
            touched[moves.come[j]] = True
        chosen[count] = i
        count += 1
    return chosen[:count].copy()


def do_moves(graph: Graph, via: Shorts, moves: Moves, chosen: Shorts) -> Shorts:
    """Do as many of the chosen moves as possible, all at once or by halves, and return the tree."""
    cost = tree_cost(graph, via)
    waiting = [chosen] if len(chosen) else []
    for _ in range(MOST_TRIES):
        if not waiting:
            break
        batch = waiting.pop()
        better = apply_moves(graph, via, moves, batch)
        if spans(graph, better) and tree_cost(graph, better) < cost:
            via = better
            cost = tree_cost(graph, via)
        elif len(batch) > 1:
            half = len(batch) // 2
            waiting += [batch[half:], batch[:half]]
    return via
