"""Which stretches of the film come into question for each voice, and where each line's manner is heard."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from align.types import Line, Segment, Span, union
from dubber.stages import cast
from dubber.stages.cast.emotion import ENOUGH_MS, LEAST_MS, SCENE_GAP_MS
from dubber.stages.cast.stretches import LONGEST_MS, PAUSE_MS, SHORTEST_MS, Stretch, covered, stretches
from dubber.stages.cast.utterances import Utterance, crowded, utterances


def segment(start: int, end: int, speaker: str = "Anna", text: str = "text") -> Segment:
    return Segment(f"s{start}", Span(start, end), text, speaker)


def line(*made_of: Segment, speaker: str = "", span: Span | None = None, name: str = "") -> Line:
    whole = span or Span(made_of[0].span.start, made_of[-1].span.end)
    names = tuple(one.id for one in made_of)
    return Line(name or "+".join(names), whole, "text", speaker or made_of[0].speaker, names)


# --- who is heard --------------------------------------------------------------------------------------------


def test_a_line_is_heard_where_its_segments_are_wherever_its_cue_was_moved_to() -> None:
    one = segment(1000, 2000)
    assert utterances([line(one, span=Span(7000, 7500))], [one]) == (Utterance(one.span, "Anna", "s1000"),)


def test_a_name_corrected_in_the_translation_names_the_source_speech_too() -> None:
    one, two = segment(1000, 2000), segment(3000, 4000)
    heard = utterances([line(one, speaker="Ben"), line(two)], [one, two])
    assert [(each.speaker, each.line) for each in heard] == [("Ben", "s1000"), ("Anna", "s3000")]


def test_a_name_corrected_in_the_translation_changes_nothing_about_the_speech_of_others() -> None:
    one, two = segment(0, 500, "Ben"), segment(1000, 3000)
    told = [line(one), line(two, speaker="Ben")]
    heard = utterances(told, [one, two], corrected=False)
    assert heard == utterances([line(one), line(two)], [one, two])
    assert cast.manners(heard)["s0"] == cast.Manner((one.span,), "own"), "it is Anna who speaks next"


def test_speech_whose_cue_was_deleted_is_still_heard_and_a_bracketed_sound_is_not() -> None:
    one, two = segment(1000, 2000), segment(3000, 4000, text="")
    assert utterances([], [one, two]) == (Utterance(one.span, "Anna"),)


def test_the_lines_that_one_segment_was_split_into_have_its_parts() -> None:
    one = segment(1000, 5000)
    first = line(one, name="s1000/1", span=Span(1000, 2500))
    second = line(one, name="s1000/2", span=Span(2500, 5200), speaker="Ben")
    assert utterances([first, second], [one]) == (
        Utterance(Span(1000, 2500), "Anna", "s1000/1"),
        Utterance(Span(2500, 5000), "Ben", "s1000/2"),
    )
    moved = line(one, name="s1000/2", span=Span(9000, 9500))
    assert Utterance(one.span, "Anna", "s1000/2") in utterances([first, moved], [one])


def test_where_several_are_heard_is_found_as_by_comparing_every_pair() -> None:
    draw = random.Random(5)
    for _ in range(100):
        starts = [draw.randrange(600) for _ in range(25)]
        heard = [
            Utterance(Span(start, start + 1 + draw.randrange(80)), draw.choice("ABCD")) for start in starts
        ]
        crossings = [
            Span(max(one.span.start, two.span.start), min(one.span.end, two.span.end))
            for one in heard
            for two in heard
            if one.speaker != two.speaker and one.span.overlap(two.span)
        ]
        assert crowded(heard) == union(crossings)
        assert crowded(heard, [Span(0, 300)]) == union([*crossings, Span(0, 300)])


# --- which stretches come into question ----------------------------------------------------------------------


def test_a_stretch_is_an_utterance_trimmed_to_where_anybody_is_heard() -> None:
    assert stretches([Span(1000, 5000)], [Span(0, 500), Span(1200, 4700)], []) == (Stretch(Span(1200, 4700)),)


def test_a_stretch_goes_on_over_breath_and_ends_at_a_pause() -> None:
    speech = [Span(0, 1000), Span(1000 + PAUSE_MS, 3000), Span(3001 + PAUSE_MS, 5000)]
    assert [one.span for one in stretches([Span(0, 6000)], speech, [])] == [
        Span(0, 3000),
        Span(3001 + PAUSE_MS, 5000),
    ]


def test_phrases_that_others_talk_into_are_left_out_while_there_are_others() -> None:
    speech = [Span(0, 2000), Span(2300, 4000), Span(4300, 6000)]
    assert [one.span for one in stretches([Span(0, 6000)], speech, [Span(2500, 2600)])] == [
        Span(0, 2000),
        Span(4300, 6000),
    ]
    assert [one.span for one in stretches([Span(0, 6000)], speech, [Span(0, 6000)])] == [Span(0, 6000)]


def test_no_stretch_is_joined_over_somebody_elses_word() -> None:
    speech = [Span(0, 2000), Span(2050, 2250), Span(2300, 4000)]
    assert [one.span for one in stretches([Span(0, 4000)], speech, [Span(2050, 2250)])] == [
        Span(0, 2000),
        Span(2300, 4000),
    ]


def test_short_stretches_count_only_where_there_is_nothing_longer() -> None:
    short = Span(0, SHORTEST_MS - 1)
    assert stretches([short], [short], []) == (Stretch(short),)
    assert stretches([short, Span(5000, 6000)], [short, Span(5000, 6000)], []) == (Stretch(Span(5000, 6000)),)


def test_speech_without_a_pause_is_cut_and_says_so_and_counts_where_no_activity_was_found() -> None:
    found = stretches([Span(0, 2 * LONGEST_MS + 3000)], [], [])
    assert found == (
        Stretch(Span(0, LONGEST_MS), broken=True),
        Stretch(Span(LONGEST_MS, 2 * LONGEST_MS), opened=True, broken=True),
        Stretch(Span(2 * LONGEST_MS, 2 * LONGEST_MS + 3000), opened=True),
    )


def test_how_much_is_covered_is_counted_as_by_looking_at_every_span() -> None:
    draw = random.Random(3)
    for _ in range(200):
        others = union(
            Span(at := draw.randrange(500), at + draw.randrange(1, 40)) for _ in range(draw.randrange(12))
        )
        span = Span(at := draw.randrange(500), at + draw.randrange(1, 90))
        assert covered(span, others) == sum(span.overlap(other) for other in others)


def test_twenty_thousand_lines_cost_a_few_looks_each() -> None:
    looks = 0

    class Counted(Span):
        def overlap(self, other: Span) -> int:
            nonlocal looks
            looks += 1
            return super().overlap(other)

    spans = [Counted(n * 1000, n * 1000 + 700) for n in range(20_000)]
    heard = [Utterance(span, "ABCDE"[n % 5], f"l{n}") for n, span in enumerate(spans)]
    crowd = crowded(heard, [Span(n * 1000 + 100, n * 1000 + 200) for n in range(0, 20_000, 7)])
    for speaker in "ABCDE":
        stretches([one.span for one in heard if one.speaker == speaker], spans, crowd)
    cast.manners(heard)
    assert looks < 10 * len(spans)


# --- where a manner is heard ---------------------------------------------------------------------------------


def manner(*heard: tuple[int, int, str, str], overlaps: Sequence[Span] = ()) -> cast.Manner | None:
    """The manner of the line "x" among utterances (start, end, speaker, line)."""
    spoken = [Utterance(Span(start, end), speaker, name) for start, end, speaker, name in heard]
    return cast.manners(spoken, overlaps).get("x")


def test_a_line_long_enough_has_the_manner_of_its_own_speech_alone() -> None:
    assert manner(
        (0, 3000, "A", "a"), (3100, 3100 + ENOUGH_MS, "A", "x"), (4400, 6000, "A", "b")
    ) == cast.Manner((Span(3100, 3100 + ENOUGH_MS),), "own")


def test_a_short_line_grows_towards_its_nearer_neighbour_by_what_it_lacks() -> None:
    assert manner((0, 3000, "A", "a"), (3200, 3700, "A", "x"), (4000, 6000, "A", "b")) == cast.Manner(
        (Span(2300, 3000), Span(3200, 3700)), "grown"
    )
    assert manner((0, 3000, "A", "a"), (3400, 3900, "A", "x"), (4000, 6000, "A", "b")) == cast.Manner(
        (Span(3400, 3900), Span(4000, 4700)), "grown"
    )


def test_it_grows_on_where_the_nearer_neighbour_is_short_too() -> None:
    assert manner(
        (0, 1000, "A", "a"), (1500, 1700, "A", "b"), (1800, 2200, "A", "x"), (2500, 2800, "A", "c")
    ) == cast.Manner((Span(700, 1000), Span(1500, 1700), Span(1800, 2200), Span(2500, 2800)), "grown")


def test_no_neighbour_gives_less_than_a_syllable() -> None:
    assert manner((0, 3000, "A", "a"), (3200, 4399, "A", "x")) == cast.Manner(
        (Span(2800, 3000), Span(3200, 4399)), "grown"
    )


@pytest.mark.parametrize("name", ["a", ""])
def test_it_grows_into_a_neighbour_of_which_no_line_is_made_as_into_any(name: str) -> None:
    assert manner((0, 3000, "A", name), (3200, 3700, "A", "x")) == cast.Manner(
        (Span(2300, 3000), Span(3200, 3700)), "grown"
    )


def test_it_never_grows_into_another_speaker_nor_past_one() -> None:
    own = cast.Manner((Span(5000, 5500),), "own")
    assert manner((3000, 4900, "B", "b"), (5000, 5500, "A", "x"), (5600, 7000, "B", "c")) == own
    assert manner((0, 4000, "A", "a"), (4200, 4400, "B", "b"), (5000, 5500, "A", "x")) == own


def test_it_never_grows_where_another_talks_over_the_neighbour_or_the_gap() -> None:
    own = cast.Manner((Span(5000, 5500),), "own")
    assert manner((3000, 4800, "A", "a"), (3000, 4100, "B", "b"), (5000, 5500, "A", "x")) == cast.Manner(
        (Span(4100, 4800), Span(5000, 5500)), "grown"
    )
    assert manner((3000, 4800, "A", "a"), (2000, 4500, "B", "b"), (5000, 5500, "A", "x")) == own
    assert manner((0, 5600, "B", "b"), (3000, 4800, "A", "a"), (5000, 5500, "A", "x")) == own
    assert manner((3000, 4800, "A", "a"), (5000, 5500, "A", "x"), overlaps=[Span(4500, 4600)]) == own
    assert manner((3000, 4800, "A", "a"), (5000, 5500, "A", "x"), overlaps=[Span(4850, 4900)]) == own


def test_it_never_grows_into_another_scene() -> None:
    near = manner((0, 3000, "A", "a"), (3000 + SCENE_GAP_MS, 3500 + SCENE_GAP_MS, "A", "x"))
    assert near is not None and near.origin == "grown"
    far = manner((0, 3000, "A", "a"), (3001 + SCENE_GAP_MS, 3501 + SCENE_GAP_MS, "A", "x"))
    assert far == cast.Manner((Span(3001 + SCENE_GAP_MS, 3501 + SCENE_GAP_MS),), "own")


def test_what_cannot_be_grown_is_given_as_it_is_down_to_what_can_be_measured() -> None:
    assert manner((0, LEAST_MS, "A", "x")) == cast.Manner((Span(0, LEAST_MS),), "own")
    assert manner((0, LEAST_MS - 1, "A", "x")) is None
    assert cast.manners([Utterance(Span(0, 5000), "A")]) == {}


def test_the_manner_of_merged_cues_is_heard_in_all_of_them_and_in_nobody_between() -> None:
    one, other, two = segment(0, 700), segment(800, 1500, "Ben"), segment(1600, 2400)
    merged = line(one, two)
    found = cast.manners(utterances([merged, line(other)], [one, other, two]))
    assert found[merged.id] == cast.Manner((one.span, two.span), "own")


def test_another_wording_of_any_line_changes_no_manner() -> None:
    said = [segment(n * 1000, n * 1000 + 500, "AB"[n // 3 % 2]) for n in range(12)]
    lines = [line(one) for one in said]
    before = cast.manners(utterances(lines, said))
    reworded = [Line(one.id, one.span, "something else", one.speaker, one.segments) for one in lines]
    assert cast.manners(utterances(reworded, said)) == before
    deleted = cast.manners(utterances(lines[:3] + lines[4:], said))
    assert {name: before[name] for name in deleted} == deleted, "a deleted cue's speech is still there"
