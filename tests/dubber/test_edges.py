"""Word times are moved to the sound: after a pause to where it rises, before one to where it falls, else to a dip."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from align.types import Span, Word
from bench import edges as bench
from dubber.audio import AudioFile
from dubber.stages.transcribe import edges

RATE = 16_000


def film(tmp_path: Path, loud: list[Span], duration: int) -> AudioFile:
    """Noise that is 50 dB over the room in `loud`."""
    rng = np.random.default_rng(1)
    sound = rng.normal(0, 0.1, duration * 16).astype(np.float32)
    level = np.full(len(sound), 10**-2.5, np.float32)
    for span in loud:
        level[span.start * 16 : span.end * 16] = 1
    path = tmp_path / "film.wav"
    soundfile.write(path, sound * level, RATE, subtype="FLOAT")
    return AudioFile(path)


def spans(words: tuple[Word, ...]) -> list[tuple[int, int]]:
    return [(word.span.start, word.span.end) for word in words]


def test_words_beside_pauses_take_the_edges_of_the_speech(tmp_path: Path) -> None:
    speech = [Span(1000, 1500), Span(3000, 3700)]
    audio = film(tmp_path, speech, 5000)
    heard = [Word("ask", Span(1120, 1700)), Word("not", Span(1700, 3500))]
    assert spans(edges.snap(audio, heard, speech)) == [(1000, 1500), (3000, 3700)]
    early = [Word("ask", Span(700, 1350)), Word("not", Span(2820, 3400))]
    assert spans(edges.snap(audio, early, speech)) == [(1000, 1500), (3000, 3700)]


def test_a_word_swallowed_by_a_pause_goes_to_the_speech_that_nobody_else_has(tmp_path: Path) -> None:
    speech = [Span(1000, 2000), Span(4000, 4400), Span(6000, 7000)]
    audio = film(tmp_path, speech, 8000)
    heard = [Word("so", Span(1050, 2100)), Word("yes", Span(2200, 3950)), Word("well", Span(6100, 6900))]
    assert spans(edges.snap(audio, heard, speech)) == [(1000, 2000), (4000, 4400), (6000, 7000)]


def test_a_first_word_heard_before_its_pause_goes_to_its_sentence(tmp_path: Path) -> None:
    speech = [Span(1000, 2000), Span(2400, 3500)]
    audio = film(tmp_path, speech, 4000)
    heard = [Word("Go", Span(1000, 1500)), Word("on.", Span(1500, 1900)), Word("The", Span(1950, 2150))]
    heard.append(Word("end.", Span(2750, 3450)))
    assert [word.span.start for word in edges.snap(audio, heard, speech)][2] == 2400


def test_an_hour_without_a_pause_is_no_harder_than_its_minutes(tmp_path: Path) -> None:
    """In work that can be counted: choices looked at for an edge do not grow with the span."""
    dips = [edges.Dip(at, at + 60, edges.CLOSURE) for at in range(0, 3_600_000, 250)]
    assert len(edges._between(1_800_000, 1_800_000, 1_800_000.0, dips)) < 10


def test_run_on_words_meet_at_a_clear_dip_and_stay_where_there_is_none(tmp_path: Path) -> None:
    speech = [Span(1000, 3000)]
    heard = [Word("over", Span(1010, 1880)), Word("there", Span(1880, 2990))]
    dipped = film(tmp_path, [Span(1000, 1960), Span(2020, 3000)], 4000)
    first, second = spans(edges.snap(dipped, heard, speech))
    assert abs(first[1] - 1960) <= 20
    assert abs(second[0] - 2020) <= 20
    steady = film(tmp_path, speech, 4000)
    assert spans(edges.snap(steady, heard, speech)) == [(1000, 1880), (1880, 3000)]


def test_a_pause_inside_speech_is_between_words_and_in_none(tmp_path: Path) -> None:
    speech = [Span(1000, 4000)]
    audio = film(tmp_path, [Span(1000, 2000), Span(2300, 4000)], 5000)
    heard = [Word("one", Span(1100, 1700)), Word("two", Span(1700, 2600)), Word("six", Span(2600, 3900))]
    found = edges.snap(audio, heard, speech)
    assert not any(word.span.overlap(Span(2030, 2270)) for word in found)


def test_a_first_word_heard_long_after_speech_began_is_not_stretched_over_all_of_it(tmp_path: Path) -> None:
    speech = [Span(1000, 6000)]
    audio = film(tmp_path, speech, 7000)
    assert spans(edges.snap(audio, [Word("end", Span(5000, 5800))], speech)) == [(5000, 6000)]


@pytest.mark.parametrize("heard", [Span(2100, 3500), Span(1000, 2400), Span(1900, 2600)])
def test_a_drawn_out_cry_lasts_as_long_as_it_is_heard(tmp_path: Path, heard: Span) -> None:
    """faster-whisper leaves 1.4 s of it; the rest would stay in the film in the first voice."""
    cry, others = Span(1000, 3500), Span(5000, 6000)
    audio = film(tmp_path, [cry, others], 7000)
    words = [Word("No!", heard), Word("Stop", Span(5000, 5500)), Word("it.", Span(5500, 6000))]
    assert spans(edges.snap(audio, words, [cry, others]))[0] == (1000, 3500)


def test_a_word_is_not_drawn_out_over_a_pause_nor_further_than_anybody_cries(tmp_path: Path) -> None:
    speech = [Span(1000, 3500)]
    paused = film(tmp_path, [Span(1000, 1900), Span(2050, 3500)], 4500)
    ((start, end),) = spans(edges.snap(paused, [Word("No!", Span(2100, 3500))], speech))
    assert abs(start - 2050) <= 20 and end == 3500
    long = [Span(1000, 3500 + edges.DRAWN_MS)]
    steady = film(tmp_path, long, 6000)
    assert spans(edges.snap(steady, [Word("No!", Span(2000, 3400))], long)) == [(1000, 3400)]


@pytest.mark.parametrize("pause", [160, 250, 400])
@pytest.mark.parametrize("late", [0, 150, 250, 350])
def test_a_late_last_word_does_not_go_into_the_laugh_after_it(tmp_path: Path, pause: int, late: int) -> None:
    speech = [Span(1000, 2000), Span(2000 + pause, 3000 + pause), Span(5000, 6000)]
    audio = film(tmp_path, speech, 7000)
    heard = [Word("Yes,", Span(1000, 1300)), Word("I", Span(1300, 1500)), Word("know.", Span(1500, 2000))]
    heard = [replace(word, span=Span(word.span.start + late, word.span.end + late)) for word in heard]
    heard += [Word("Me", Span(5000, 5400)), Word("too.", Span(5400, 6000))]
    found = edges.snap(audio, heard, speech)
    assert [word.span.overlap(speech[1]) for word in found] == [0] * 5
    assert found[2].span.end == 2000


@pytest.mark.parametrize("first", ["Well", "Yes,"])  # people pause after a comma, or go on
def test_an_early_first_word_does_not_go_into_the_laugh_before_it(tmp_path: Path, first: str) -> None:
    speech = [Span(1000, 2000), Span(3800, 4800), Span(5000, 6000)]
    audio = film(tmp_path, speech, 7000)
    heard = [Word("Me", Span(1000, 1500)), Word("too.", Span(1500, 2000))]
    heard += [Word(first, Span(4800, 5150)), Word("I", Span(5150, 5500)), Word("know.", Span(5500, 6000))]
    found = edges.snap(audio, heard, speech)
    assert found[2].span.start == 5000


def test_a_pause_after_a_comma_is_no_torn_sentence(tmp_path: Path) -> None:
    speech = [Span(1000, 2000), Span(2200, 3200)]
    words = ("Yes,", Span(1000, 1900)), ("I", Span(1900, 2400)), ("know.", Span(2400, 3200))
    audio = film(tmp_path, speech, 4000)
    found = edges.snap(audio, [Word(text, span) for text, span in words], speech)
    assert [word.span.start for word in found][1] == 2200


def test_any_words_stay_in_order_inside_speech_and_apart(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    for _ in range(40):
        times = np.cumsum(rng.integers(20, 900, 12)).tolist()
        speech = [Span(a, b) for a, b in zip(times[::2], times[1::2], strict=True)]
        audio = film(tmp_path, speech, times[-1] + 1000)
        starts = np.sort(rng.integers(0, times[-1] + 500, 30)).tolist()
        heard = [
            Word(f"w{i}", Span(at, at + int(rng.integers(0, 400))), round(float(rng.random()), 3))
            for i, at in enumerate(starts)
        ]
        found = edges.snap(audio, heard, speech)
        assert [(word.text, word.confidence) for word in found] == [(w.text, w.confidence) for w in heard]
        assert all(a.span.end <= b.span.start for a, b in pairwise(found))
        assert all(any(s.start <= w.span.start <= w.span.end <= s.end for s in speech) for w in found)


def test_words_without_length_get_some_where_there_is_room(tmp_path: Path) -> None:
    speech = [Span(1000, 2000)]
    audio = film(tmp_path, speech, 3000)
    heard = [Word(text, Span(1500, 1500)) for text in ("on", "and", "on")]
    found = edges.snap(audio, heard, speech)
    assert all(word.span.duration >= edges.LEAST_MS for word in found)


def test_a_drift_that_all_words_share_is_taken_out_of_those_inside_speech(tmp_path: Path) -> None:
    speech = [Span(at, at + 1000) for at in range(1000, 41_000, 2000)]
    audio = film(tmp_path, speech, 42_000)
    late = 150
    heard = [
        Word(text, Span(span.start + begin + late, span.start + end + late))
        for span in speech
        for text, begin, end in (("so", 0, 300), ("far", 300, 1000))
    ]
    found = edges.snap(audio, heard, speech)
    assert all(
        abs(word.span.end - span.start - 300) <= 5 for word, span in zip(found[::2], speech, strict=True)
    )


def test_a_long_span_is_read_in_blocks_and_gives_the_same_edges(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audio = film(tmp_path, [Span(1000, 3960), Span(4040, 8000)], 9000)
    heard = [Word("one", Span(1100, 3900)), Word("two", Span(3900, 7800))]
    whole = edges.snap(audio, heard, [Span(1000, 8000)])
    longest: list[int] = []
    read = AudioFile.read

    def watched(self: AudioFile, start: int, stop: int) -> npt.NDArray[np.float32]:
        longest.append(stop - start)
        return read(self, start, stop)

    monkeypatch.setattr(AudioFile, "read", watched)
    monkeypatch.setattr(edges, "BLOCK_MS", 700)
    assert edges.snap(audio, heard, [Span(1000, 8000)]) == whole
    assert max(longest) < 0.8 * RATE


def test_without_words_or_speech_nothing_is_moved(tmp_path: Path) -> None:
    audio = film(tmp_path, [], 1000)
    word = Word("a", Span(0, 10))
    assert edges.snap(audio, [], [Span(0, 500)]) == ()
    assert edges.snap(audio, [word], []) == (word,)


def test_drifting_words_come_close_to_where_they_are_spoken() -> None:
    rows = bench.measure(60, seed=4)
    before, after = rows["segment onsets"]
    assert before.median > 90
    assert after.median <= 20
    assert after.most <= 100
    assert rows["segment ends"][1].median <= 20
    assert rows["segment ends"][1].most <= 120
    before, after = rows["word edges inside"]
    assert after.median <= 0.8 * before.median
    assert after.most <= 0.9 * before.most


def test_music_disturbs_the_edges_in_the_mix_and_hardly_in_the_voices_own_stem() -> None:
    quiet, loud = bench.measure(20, seed=1), bench.with_music(20, seed=1)
    stem, mix = loud["word edges inside"]
    assert stem.median <= quiet["word edges inside"][1].median + 5
    assert mix.most > stem.most
    assert loud["segment onsets"][0].median <= 20
    assert loud["segment ends"][0].median <= 20
