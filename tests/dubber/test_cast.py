"""Which stretches of the film each voice and each emotion is learned from."""

import random

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
    lines = [line(0, 13_000), line(20_000, 31_000)]
    assert cast.timbre(lines, lambda span: -50.0 if span.start == 0 else -23.0)["Anna"] == (
        Span(0, 1000),
        Span(20_000, 31_000),
    )


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


def test_whose_lines_overlap_is_found_as_by_comparing_every_pair() -> None:
    draw = random.Random(5)
    for _ in range(200):
        starts = [draw.randrange(60) * 1000 for _ in range(30)]
        lines = [line(start, start + draw.randrange(12) * 1000, draw.choice("ABCD")) for start in starts]
        assert cast._talked_over(lines) == [
            any(one.speaker != other.speaker and one.span.overlap(other.span) > 0 for other in lines)
            for one in lines
        ]


def test_twenty_thousand_lines_are_compared_a_few_times_each_and_only_the_longest_are_listened_to() -> None:
    compared = 0

    class Counted(Span):
        @property
        def duration(self) -> int:
            nonlocal compared
            compared += 1
            return self.end - self.start

        def overlap(self, other: Span) -> int:
            nonlocal compared
            compared += 1
            return super().overlap(other)

    lines = []
    for n in range(20_000):
        span = Counted(n * 1000, n * 1000 + 700 + n % 290)
        lines.append(Line(f"s{n}", span, "text", "ABCDE"[n % 5], (f"s{n}",)))
    heard: list[Span] = []

    def listen(span: Span) -> float:
        heard.append(span)
        return -23.0

    chosen = cast.timbre(lines, listen)
    assert set(chosen) == set("ABCDE")
    assert compared < 10 * len(lines)
    assert len(heard) == 5 * cast.CANDIDATES
    assert min(span.duration for span in heard) > 980, "the longest ones"


def test_nobody_is_listened_to_but_the_speakers_asked_for() -> None:
    lines = [line(0, 4000), line(2000, 5000, "Ben"), line(6000, 8000), line(9000, 11_000, "Ben")]
    heard: list[Span] = []

    def listen(span: Span) -> float:
        heard.append(span)
        return -23.0

    seen: list[float] = []
    chosen = cast.timbre(lines, listen, ["Ben", "Nobody"], seen.append)
    assert chosen == {"Ben": (Span(9000, 11_000),), "Nobody": ()}
    assert heard == [Span(9000, 11_000)], "Ben's other line is talked over by somebody not asked for"
    assert seen == [0.5, 1.0]


def test_a_film_long_line_is_listened_to_no_longer_than_is_learned_from_it() -> None:
    heard: list[Span] = []

    def listen(span: Span) -> float:
        heard.append(span)
        return -23.0

    assert cast.timbre([line(0, 7_200_000)], listen)["Anna"] == (Span(0, cast.TIMBRE_ENOUGH_MS),)
    assert heard == [Span(0, cast.TIMBRE_ENOUGH_MS)]


def test_a_voice_heard_only_in_its_shortest_line_is_still_found() -> None:
    silent = [line(start, start + 900) for start in range(0, 100_000, 1000)]
    chosen = cast.timbre(
        [*silent, line(200_000, 200_700)], lambda span: loud(span) if span.start == 200_000 else float("-inf")
    )
    assert chosen["Anna"] == (Span(200_000, 200_700),)
