"""Cues find their segments again whatever a person did to the file, and what they did is named."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from align.match import Edited, Generated, Reconciled, reconcile
from align.types import Span

TEXTS = (
    "Buenas tardes, señor comisario.",
    "No esperaba verle por aquí tan pronto.",
    "La lluvia ha borrado todas las huellas.",
    "¿Quién fue el último que habló con ella?",
    "Su hermano, ayer, poco antes de cenar.",
    "Entonces vamos a hacerle una visita.",
)
BASE = tuple(
    Generated(f"s{i}", Span(i * 3000 + 1000, i * 3000 + 3400), text, "Ana" if i % 2 else "Luis")
    for i, text in enumerate(TEXTS)
)


def untouched(base: tuple[Generated, ...] = BASE) -> list[Edited]:
    return [Edited(cue.span, cue.text, cue.speaker) for cue in base]


def found(edited: list[Edited], base: tuple[Generated, ...] = BASE) -> dict[int, Reconciled]:
    return {cue.cue: cue for cue in reconcile(base, edited).cues}


def same(cue: int, *segments: str) -> Reconciled:
    return Reconciled(cue, segments, 0, False, False, False)


def moved(cue: Edited, start: int, end: int) -> Edited:
    return replace(cue, span=Span(cue.span.start + start, cue.span.end + end))


def test_an_untouched_file_is_untouched_in_any_order() -> None:
    forward = reconcile(BASE, untouched())
    assert forward.cues == tuple(same(i, f"s{i}") for i in range(6))
    assert (forward.deleted, forward.shift) == ((), 0)
    backward = reconcile(BASE, untouched()[::-1])
    assert [cue.segments for cue in backward.cues] == [cue.segments for cue in forward.cues]


def test_line_breaks_spaces_and_unicode_composition_are_no_edit() -> None:
    edited = untouched()
    edited[0] = replace(edited[0], text=" Buenas tardes,\r\nsen\u0303or  comisario. ")
    assert found(edited)[0] == same(0, "s0")


def test_new_wording_at_the_same_time_is_a_change_of_text_alone() -> None:
    edited = untouched()
    edited[2] = replace(edited[2], text="Ya no queda rastro.")
    assert found(edited)[2] == Reconciled(2, ("s2",), 0, True, False, False)


def test_a_cue_moved_within_reach_keeps_its_segment() -> None:
    edited = untouched()
    edited[2] = moved(edited[2], 20_000, 20_000)
    assert found(edited)[2] == Reconciled(2, ("s2",), 0, False, True, False)
    assert reconcile(BASE, edited).deleted == ()


def test_a_cue_moved_and_reworded_keeps_its_segment() -> None:
    edited = untouched()
    edited[5] = Edited(Span(21_000, 23_000), "Pues vamos a hacerle una visita.")
    assert found(edited)[5] == Reconciled(5, ("s5",), 0, True, True, False)


def test_a_new_label_is_a_change_of_speaker_and_a_missing_one_is_none() -> None:
    edited = untouched()
    edited[1] = replace(edited[1], speaker="Marta")
    edited[2] = replace(edited[2], speaker=None)
    assert found(edited)[1] == Reconciled(1, ("s1",), 0, False, False, True)
    assert found(edited)[2] == same(2, "s2")


def test_a_deleted_cue_is_reported_and_an_added_one_stands_for_nothing() -> None:
    edited = untouched()
    del edited[3]
    edited.append(Edited(Span(40_000, 41_000), "Fin"))
    result = reconcile(BASE, edited)
    assert result.deleted == ("s3",)
    assert result.cues[-1] == Reconciled(5, (), 0, True, True, True)


def test_the_times_of_a_deleted_cue_taken_by_its_neighbour_leave_it_deleted() -> None:
    edited = untouched()
    edited[3] = moved(edited[3], -3000, 0)
    del edited[2]
    result = reconcile(BASE, edited)
    assert result.deleted == ("s2",)
    assert result.cues[2].segments == ("s3",)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_merged_cues_stand_for_all_their_segments(count: int) -> None:
    text = " ".join(TEXTS[:count])
    edited = [Edited(Span(BASE[0].span.start, BASE[count - 1].span.end), text), *untouched()[count:]]
    result = reconcile(BASE, edited)
    assert result.cues[0] == same(0, *(f"s{i}" for i in range(count)))
    assert result.deleted == ()


def test_a_merge_that_keeps_the_first_cues_times_is_still_a_merge() -> None:
    edited = untouched()
    edited[3] = replace(edited[3], text=TEXTS[3] + "\n" + TEXTS[4])
    del edited[4]
    result = reconcile(BASE, edited)
    assert result.cues[3] == Reconciled(3, ("s3", "s4"), 0, False, True, False)
    assert result.deleted == ()


def test_split_cues_stand_for_the_same_segment_in_parts() -> None:
    first, second = (
        Edited(Span(4000, 5000), "No esperaba verle"),
        Edited(Span(5200, 6400), "por aquí tan pronto."),
    )
    result = found([*untouched()[:1], second, first, *untouched()[2:]])
    assert result[2] == Reconciled(2, ("s1",), 1, True, True, False)
    assert result[1] == Reconciled(1, ("s1",), 2, True, True, False)


def test_a_split_whose_first_part_keeps_the_times_is_still_a_split() -> None:
    edited = untouched()
    edited[5] = replace(edited[5], text="Entonces vamos")
    edited.append(Edited(Span(18_500, 19_900), "a hacerle una visita."))
    result = found(edited)
    assert [(result[i].segments, result[i].part) for i in (5, 6)] == [(("s5",), 1), (("s5",), 2)]


def test_an_added_cue_over_another_ones_time_takes_nothing_from_it() -> None:
    edited = [*untouched(), Edited(Span(1200, 2000), "(¡Cuidado!)", "Ana")]
    result = found(edited)
    assert result[0] == same(0, "s0")
    assert result[6].segments == ()


@pytest.mark.parametrize("shift", [-900, 400, 3000, 86_000_000])
def test_a_file_shifted_as_a_whole_has_no_moved_cues(shift: int) -> None:
    result = reconcile(BASE, [moved(cue, shift, shift) for cue in untouched()])
    assert result.shift == shift
    assert result.cues == tuple(same(i, f"s{i}") for i in range(6))


def test_a_cue_moved_in_a_shifted_file_is_the_only_one_moved() -> None:
    edited = [moved(cue, 3000, 3000) for cue in untouched()]
    edited[4] = moved(edited[4], 500, 300)
    assert [cue.span_changed for cue in reconcile(BASE, edited).cues] == [i == 4 for i in range(6)]


def test_a_file_shifted_from_its_middle_on_is_taken_at_its_word() -> None:
    edited = [moved(cue, 3000, 3000) if i > 1 else cue for i, cue in enumerate(untouched())]
    result = reconcile(BASE, edited)
    assert result.shift == 0
    assert [cue.segments for cue in result.cues] == [(f"s{i}",) for i in range(6)]
    assert [cue.cue for cue in result.cues if cue.span_changed] == [2, 3, 4, 5]


def test_two_people_heard_at_once_are_told_apart_by_their_words() -> None:
    base = (
        Generated("a", Span(1000, 3000), "¡Vete!", "Ana"),
        Generated("b", Span(1010, 3000), "¡Nunca!", "Luis"),
    )
    edited = [Edited(Span(1040, 3000), "¡Nunca!"), Edited(Span(1040, 3000), "¡Vete!")]
    assert [found(edited, base)[i].segments for i in range(2)] == [("b",), ("a",)]


def test_two_people_heard_at_once_retimed_and_reworded_are_not_made_one() -> None:
    base = (
        Generated("a", Span(1000, 3000), "¡Vete!", "Ana"),
        Generated("b", Span(1000, 3000), "¡Nunca!", "Luis"),
    )
    edited = [Edited(Span(1200, 3300), "Fuera."), Edited(Span(1200, 3300), "Jamás.")]
    assert [found(edited, base)[i].segments for i in range(2)] == [("a",), ("b",)]


def test_a_reworded_remark_inside_a_long_cue_stays_the_remark() -> None:
    base = (
        Generated("long", Span(0, 9000), "Y así siguió el viejo, hora tras hora, sin callar.", "Ana"),
        Generated("remark", Span(3000, 4000), "Ya.", "Luis"),
    )
    edited = [Edited(Span(20, 9020), "Y el viejo no callaba."), Edited(Span(3020, 4020), "Claro.")]
    assert [found(edited, base)[i].segments for i in range(2)] == [("long",), ("remark",)]


def test_a_word_said_often_is_found_where_it_was_moved_from() -> None:
    base = tuple(Generated(f"s{i}", Span(i * 9000, i * 9000 + 600), "Sí.", "Ana") for i in range(4))
    edited = untouched(base)
    edited[2] = moved(edited[2], 1500, 1500)
    del edited[0]
    assert [cue.segments for cue in reconcile(base, edited).cues] == [("s1",), ("s2",), ("s3",)]
    edited[0] = moved(edited[0], 2000, 2000)
    assert [cue.segments for cue in reconcile(base, edited).cues][1:] == [("s2",), ("s3",)]


def test_the_same_words_too_far_away_are_another_cue() -> None:
    edited = untouched()
    edited[0] = moved(edited[0], 60_000, 60_000)
    result = reconcile(BASE, edited)
    assert result.deleted == ("s0",)
    assert result.cues[-1].segments == ()


def test_repeated_segments_are_refused() -> None:
    with pytest.raises(ValueError, match="same segment"):
        reconcile([BASE[0], BASE[0]], [])


# Words with nothing in common, so that a model of edits knows which cue is which.
@st.composite
def edited_films(
    draw: st.DrawFn,
) -> tuple[tuple[Generated, ...], list[Edited], dict[int, Reconciled], set[str]]:
    """A base, a person's version of it, and what must be found: by cue, and the segments deleted."""
    base: list[Generated] = []
    edited: list[Edited] = []
    expected: dict[int, Reconciled] = {}
    deleted: set[str] = set()
    at = 1000
    word = 0

    def words(count: int) -> str:
        nonlocal word
        word += count
        return " ".join(f"w{n}" for n in range(word - count, word))

    def generate() -> Generated:
        nonlocal at
        length = draw(st.integers(1000, 4000))
        cue = Generated(f"s{len(base)}", Span(at, at + length), words(draw(st.integers(2, 8))), "A")
        at += length + draw(st.integers(0, 1500))
        base.append(cue)
        return cue

    def edit(cue: Edited, found: tuple[str, ...], part: int, *changed: bool) -> None:
        expected[len(edited)] = Reconciled(len(edited), found, part, *changed)
        edited.append(cue)

    operations = ["keep", "round", "move", "merge", "split", "add", "delete", "relabel", "reword"]
    for operation in draw(st.lists(st.sampled_from(operations), max_size=12)):
        # A cue left alone between edits: which words belong together is not in question here.
        for cue in (generate(), generate()):
            edit(Edited(cue.span, cue.text), (cue.segment,), 0, False, False, False)
        cue = generate()
        start, end = cue.span.start, cue.span.end
        mine = Edited(cue.span, cue.text)
        own = (cue.segment,)
        if operation == "keep":
            edit(mine, own, 0, False, False, False)
        elif operation == "round":
            off = draw(st.integers(-50, 50))
            edit(replace(mine, span=Span(start + off, end - off)), own, 0, False, False, False)
        elif operation == "move":
            by = draw(st.integers(60, 900))
            edit(replace(mine, span=Span(start + by, end + by)), own, 0, False, True, False)
        elif operation == "merge":
            other = generate()
            joined = Edited(Span(start, other.span.end), f"{cue.text}\n{other.text}")
            edit(joined, (*own, other.segment), 0, False, False, False)
        elif operation == "split":
            halves, middle = cue.text.split(" "), (start + end) // 2
            cut = len(halves) // 2
            edit(Edited(Span(start, middle), " ".join(halves[:cut])), own, 1, True, True, False)
            edit(Edited(Span(middle, end), " ".join(halves[cut:])), own, 2, True, True, False)
        elif operation == "add":
            edit(mine, own, 0, False, False, False)
            at += 3000
            edit(Edited(Span(at - 2500, at - 1000), words(4)), (), 0, True, True, True)
        elif operation == "delete":
            deleted.add(cue.segment)
        elif operation == "relabel":
            edit(replace(mine, speaker="B"), own, 0, False, False, True)
        elif operation == "reword":
            edit(replace(mine, text=words(5)), own, 0, True, False, False)
    return tuple(base), edited, expected, deleted


@settings(deadline=None, max_examples=120)
@given(edited_films())
def test_any_sequence_of_edits_is_recognised(
    film: tuple[tuple[Generated, ...], list[Edited], dict[int, Reconciled], set[str]],
) -> None:
    base, edited, expected, deleted = film
    result = reconcile(base, edited)
    assert {cue.cue: cue for cue in result.cues} == expected
    assert set(result.deleted) == deleted


anything = st.builds(
    lambda start, length, text, speaker: Edited(Span(start, start + length), text, speaker),
    st.integers(0, 5000),
    st.integers(0, 2000),
    st.sampled_from(["", "si", "no", "si no", "no si no", "hoy", "si hoy no"]),
    st.sampled_from([None, "A", "B"]),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(anything, max_size=12), st.lists(anything, max_size=12))
def test_of_any_two_files_every_cue_appears_once_and_every_segment_is_found_or_deleted(
    written: list[Edited], edited: list[Edited]
) -> None:
    base = [Generated(f"s{i}", cue.span, cue.text, cue.speaker or "A") for i, cue in enumerate(written)]
    result = reconcile(base, edited)
    assert sorted(cue.cue for cue in result.cues) == list(range(len(edited)))
    starts = [edited[cue.cue].span.start for cue in result.cues]
    assert starts == sorted(starts)
    matched = {segment for cue in result.cues for segment in cue.segments}
    assert matched | set(result.deleted) == {cue.segment for cue in base}
    assert not matched & set(result.deleted)
    assert result == reconcile(base, edited)


def test_twenty_thousand_equal_cues_on_one_spot_are_matched_one_to_one() -> None:
    many = 20_000
    base = [Generated(f"s{i}", Span(1000, 2000), "hola", "A") for i in range(many)]
    result = reconcile(base, [Edited(Span(1100, 2250), "adiós")] * many)
    assert len({cue.segments for cue in result.cues}) == many
    assert result.deleted == ()


def test_a_cue_split_into_thousands_and_thousands_merged_into_one_come_to_an_end() -> None:
    many = 5_000
    whole = Span(0, many * 100)
    pieces = [Span(i * 100, i * 100 + 90) for i in range(many)]
    split = reconcile([Generated("s", whole, "uno dos", "A")], [Edited(span, "uno") for span in pieces])
    assert len(split.cues) == many
    parts = [Generated(f"s{i}", span, "uno", "A") for i, span in enumerate(pieces)]
    (merged,) = reconcile(parts, [Edited(whole, "uno dos")]).cues
    assert merged.segments[0] == "s0"
