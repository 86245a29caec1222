"""Pieces into segments, one for each run of the text model. Works on piece strings; knows no ids and no language."""

from __future__ import annotations

from collections.abc import Sequence

LIMIT = 120
"""Pieces that one segment may have: what the model was trained on, and short enough to stay stable."""

_SENTENCE_ENDS = frozenset((".", "!", "?", "▁.", "▁?", "▁..."))
_CLAUSE_ENDS = frozenset((",", "▁,", "-"))
_QUOTES = frozenset(("'", "▁'"))
_SHORTEST_SENTENCE = 3
"""A sentence of fewer pieces is not cut off: `A .` alone is spoken badly."""


def split(pieces: Sequence[str], limit: int = LIMIT, quick: int = 0) -> list[list[str]]:
    """`pieces` in order, cut into segments of at most `limit`, at clause ends where there are any.

    Clauses are packed greedily from the left. With `quick` > 0 packing is held back to half the limit until that
    many pieces are past, so that the first segments of a stream are short. As in the reference implementation, a
    quote right after a sentence end is kept on both sides of it (the model was trained beside this splitter); such
    a segment may be one piece longer than `limit`. Raises ValueError for a limit below 1.
    """
    if limit < 1:
        raise ValueError(f"A segment must be allowed one piece at least, not {limit}.")
    return _packed(_clauses(pieces, limit), limit, quick)


def _clauses(pieces: Sequence[str], limit: int) -> list[list[str]]:
    """Cut after every comma, hyphen and sentence end, and wherever `limit` is passed."""
    clauses: list[list[str]] = []
    clause: list[str] = []
    for position, piece in enumerate(pieces):
        clause.append(piece)
        if piece in _CLAUSE_ENDS or len(clause) > limit:
            clauses += [clause[start : start + limit] for start in range(0, len(clause), limit)]
            clause = []
        elif piece in _SENTENCE_ENDS and len(clause) >= _SHORTEST_SENTENCE:
            following = pieces[position + 1 : position + 2]
            clauses.append([*clause, *(quote for quote in following if quote in _QUOTES)])
            clause = []
    if clause:
        clauses.append(clause)
    return clauses


def _packed(clauses: list[list[str]], limit: int, quick: int) -> list[list[str]]:
    segments: list[list[str]] = []
    seen = 0
    for clause in clauses:
        seen += len(clause)
        together = len(segments[-1]) + len(clause) if segments else limit + 1
        if (together <= limit and seen > quick) or together <= limit / 2:
            segments[-1] = segments[-1] + clause
        else:
            segments.append(clause)
    return segments
