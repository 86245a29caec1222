"""Which stretches of the film each voice and each emotion is learned from."""

from align.types import Line, Span
from dubber.stages import cast


def line(start: int, end: int, speaker: str = "Anna", *, added: bool = False) -> Line:
    return Line(f"s{start}", Span(start, end), "text", speaker, () if added else (f"s{start}",))


def loud(_: Span) -> float:
    return -23.0


def test_a_voice_is_learned_from_about_twelve_seconds_of_its_longest_lines() -> None:
    lines = [line(start, start + 3000) for start in range(0, 60_000, 4000)] + [line(100_000, 107_000)]
    chosen = cast.timbre(lines, loud)["Anna"]
    assert Span(100_000, 107_000) in chosen
    assert sum(span.duration for span in chosen) == cast.TIMBRE_ENOUGH_MS
    assert list(chosen) == sorted(chosen)


def test_a_drowned_line_loses_against_a_shorter_clear_one() -> None:
    level = {Span(0, 13_000): -50.0, Span(20_000, 32_000): -23.0}
    lines = [line(span.start, span.end) for span in level]
    assert cast.timbre(lines, level.__getitem__)["Anna"] == (Span(20_000, 32_000),)


def test_speech_that_others_talk_over_teaches_nothing_while_there_is_other() -> None:
    lines = [line(0, 4000), line(2000, 5000, "Ben"), line(6000, 8000), line(9000, 11_000, "Ben")]
    chosen = cast.timbre(lines, loud)
    assert chosen["Anna"] == (Span(6000, 8000),)
    assert chosen["Ben"] == (Span(9000, 11_000),)


def test_a_speaker_only_ever_talked_over_is_learned_from_what_there_is() -> None:
    chosen = cast.timbre([line(0, 4000), line(1000, 5000, "Ben")], loud)
    assert chosen == {"Anna": (Span(0, 4000),), "Ben": (Span(1000, 5000),)}


def test_somebody_who_is_never_heard_has_nothing_to_be_learned_from() -> None:
    lines = [line(0, 2000, "Zoe", added=True), line(3000, 5000)]
    assert cast.timbre(lines, loud)["Zoe"] == ()
    assert cast.timbre([line(3000, 5000)], lambda _: float("-inf"))["Anna"] == ()


def test_a_line_has_the_manner_of_its_own_source_speech_or_none() -> None:
    assert cast.emotion(line(1000, 2000)) == Span(1000, 2000)
    assert cast.emotion(line(1000, 1000 + cast.EMOTION_SHORTEST_MS - 1)) is None
    assert cast.emotion(line(1000, 2000, added=True)) is None
