"""A person's edits outlive whatever the program says anew, and what they left alone follows it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from align.match import Edited, Generated
from align.merge import Merged, merge
from align.types import Line, Span

TEXTS = ("Hoy no sale nadie.", "Cierren todas las puertas.", "¿Y los que están fuera?", "Que esperen.")
BASE = tuple(
    Generated(f"s{i}", Span(i * 4000 + 1000, i * 4000 + 3500), text, "Ana" if i % 2 else "Luis")
    for i, text in enumerate(TEXTS)
)
# The sound starts a little after its cue and ends before it.
SPEECH = {cue.segment: Span(cue.span.start + 120, cue.span.end - 340) for cue in BASE}
FRESH = tuple(replace(cue, text=f"{cue.text} Ya.") for cue in BASE)


def file(base: tuple[Generated, ...] = BASE) -> list[Edited]:
    return [Edited(cue.span, cue.text, cue.speaker) for cue in base]


def merged(
    edited: list[Edited], fresh: tuple[Generated, ...] = BASE, base: tuple[Generated, ...] = BASE
) -> Merged:
    return merge(
        base, edited, fresh, SPEECH | {cue.segment: cue.span for cue in fresh if cue.segment not in SPEECH}
    )


def line(result: Merged, name: str) -> Line:
    return {line.id: line for line in result.lines}[name]


def test_an_untouched_file_speaks_over_the_exact_source_speech() -> None:
    result = merged(file())
    assert result.lines == tuple(
        Line(cue.segment, SPEECH[cue.segment], cue.text, cue.speaker, (cue.segment,)) for cue in BASE
    )
    assert [cue.cue for cue in result.cues] == file()
    assert result.silenced == ()


def test_what_was_left_alone_follows_the_program() -> None:
    fresh = tuple(replace(cue, text=f"{cue.text} Ya.", speaker="Eva") for cue in BASE)
    result = merged(file(), fresh)
    assert [(spoken.text, spoken.speaker) for spoken in result.lines] == [
        (f"{text} Ya.", "Eva") for text in TEXTS
    ]


def test_each_edited_field_wins_and_the_others_follow() -> None:
    edited = file()
    edited[0] = replace(edited[0], text="Hoy aquí no\nsale nadie.")
    edited[1] = replace(edited[1], speaker="Eva")
    edited[2] = replace(edited[2], span=Span(9400, 11_000))
    result = merged(edited, FRESH)
    assert line(result, "s0") == Line("s0", SPEECH["s0"], "Hoy aquí no sale nadie.", "Luis", ("s0",))
    assert line(result, "s1") == Line("s1", SPEECH["s1"], TEXTS[1] + " Ya.", "Eva", ("s1",))
    assert line(result, "s2") == Line("s2", Span(9400, 11_000), TEXTS[2] + " Ya.", "Luis", ("s2",))
    assert [cue.outdated for cue in result.cues] == [True, False, False, False]
    assert result.cues[0].cue == edited[0]


def test_a_merged_cue_speaks_from_the_first_segment_to_the_last() -> None:
    both = Edited(Span(1000, 7500), f"{TEXTS[0]}\n{TEXTS[1]}")
    result = merged([both, *file()[2:]], FRESH)
    assert result.lines[0] == Line(
        "s0+s1", Span(1120, 7160), f"{TEXTS[0]} Ya. {TEXTS[1]} Ya.", "Luis", ("s0", "s1")
    )


def test_a_split_cue_speaks_in_its_parts_own_times() -> None:
    parts = [Edited(Span(5000, 6000), "Cierren todas"), Edited(Span(6200, 7500), "las puertas.")]
    result = merged([file()[0], *parts, *file()[2:]])
    assert line(result, "s1/1") == Line("s1/1", Span(5000, 6000), "Cierren todas", "Ana", ("s1",))
    assert line(result, "s1/2") == Line("s1/2", Span(6200, 7500), "las puertas.", "Ana", ("s1",))


def test_an_added_cue_without_a_label_is_spoken_by_who_spoke_last() -> None:
    added = Edited(Span(8000, 8600), "¡Silencio!")
    result = merged([*file(), added, added])
    assert line(result, "new@8000") == Line("new@8000", Span(8000, 8600), "¡Silencio!", "Ana")
    assert line(result, "new@8000#2").text == "¡Silencio!"
    assert merged([Edited(Span(0, 500), "Ya.", "Eva")], (), ()).lines[0].speaker == "Eva"


@pytest.mark.parametrize("text", [None, "", " \n "])
def test_a_deleted_or_emptied_cue_stays_away_whatever_the_program_says(text: str | None) -> None:
    edited = file()
    if text is None:
        del edited[1]
    else:
        edited[1] = replace(edited[1], text=text)
    result = merged(edited, FRESH)
    assert [spoken.id for spoken in result.lines] == ["s0", "s2", "s3"]
    assert result.silenced == ("s1",)


def test_new_segments_appear_and_lost_ones_go_unless_they_were_edited() -> None:
    edited = file()
    edited[3] = replace(edited[3], text="Que esperen ahí fuera.")
    new = Generated("s9", Span(8000, 8700), "Eso.", "Eva")
    result = merged(edited, (BASE[0], BASE[1], new))
    assert [spoken.id for spoken in result.lines] == ["s0", "s1", "s9", "s3"]
    assert line(result, "s9") == Line("s9", Span(8000, 8700), "Eso.", "Eva", ("s9",))
    assert line(result, "s3") == Line("s3", BASE[3].span, "Que esperen ahí fuera.", "Ana", ())


def test_a_shift_of_the_whole_file_moves_its_cues_and_no_line() -> None:
    shifted = [replace(cue, span=Span(cue.span.start + 900, cue.span.end + 900)) for cue in file()]
    fresh = (*FRESH, Generated("s9", Span(20_000, 21_000), "Eso.", "Eva"))
    result = merged(shifted, fresh)
    assert [cue.line.span for cue in result.cues] == [*SPEECH.values(), Span(20_000, 21_000)]
    assert [cue.cue.span.start for cue in result.cues] == [1900, 5900, 9900, 13_900, 20_900]


def test_a_segment_without_its_speech_or_named_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="'s1' has no speech"):
        merge(BASE, [], BASE, {"s0": Span(0, 1)})
    with pytest.raises(ValueError, match="same segment"):
        merge(BASE, [], (BASE[0], BASE[0]), SPEECH)


@st.composite
def edits(draw: st.DrawFn) -> list[Edited]:
    """A person's version of BASE: each cue kept, deleted, or changed in any of its fields, and cues added."""
    edited: list[Edited] = []
    for cue in file():
        change = draw(st.sets(st.sampled_from(["text", "span", "speaker", "delete"])))
        by = draw(st.sampled_from([-600, 40, 100, 450])) if "span" in change else 0
        said = draw(st.sampled_from([" Sí.", " No, señor.", " Eso es."])) if "text" in change else ""
        who = draw(st.sampled_from(["Eva", None])) if "speaker" in change else cue.speaker
        if "delete" not in change:
            edited.append(Edited(Span(cue.span.start + by, cue.span.end + by), cue.text + said, who))
    for start in draw(st.sets(st.sampled_from([30_000, 40_000, 50_000]))):
        edited.append(Edited(Span(start, start + 900), "¡Fuera de aquí ahora mismo!", "Eva"))
    return draw(st.permutations(edited))


@settings(deadline=None, max_examples=100)
@given(edits())
def test_no_edit_is_ever_lost(edited: list[Edited]) -> None:
    result = merged(edited, FRESH)
    untouched = {(cue.span, cue.text) for cue in file()}
    for cue in edited:
        changed_text = cue.text not in TEXTS
        kept = [
            now
            for now in result.cues
            if (now.line.text == cue.text if changed_text else now.line.text == f"{cue.text} Ya.")
            and (now.cue.span == cue.span or (cue.span, cue.text) in untouched)
            and (cue.speaker is None or now.line.speaker == cue.speaker)
        ]
        assert kept, cue
    assert len(result.cues) == len(edited)
    assert len({spoken.id for spoken in result.lines}) == len(result.cues)


@settings(deadline=None, max_examples=100)
@given(edits())
def test_writing_a_merge_and_merging_again_changes_nothing(edited: list[Edited]) -> None:
    once = merged(edited, FRESH)
    again = merged([cue.cue for cue in once.cues], FRESH, FRESH)
    assert [(cue.line, cue.cue) for cue in again.cues] == [(cue.line, cue.cue) for cue in once.cues]
    assert again.silenced == once.silenced
