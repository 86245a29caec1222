"""What the README runs is there, small, and as exact as it says."""

import re
from pathlib import Path

import av

SAMPLES = Path(__file__).parent.parent / "samples"
MEGABYTE = 1_000_000


def _cues(name: str) -> list[tuple[str, str, str]]:
    """(times, speaker, text) of every cue."""
    blocks = (SAMPLES / name).read_text("utf-8").strip().split("\n\n")
    found = [re.fullmatch(r"\d+\n(.+)\n\[(\w+)\] (.+)", block) for block in blocks]
    return [(cue[1], cue[2], cue[3]) for cue in found if cue is not None]


def _ms(stamp: str) -> int:
    hours, minutes, seconds, rest = map(int, re.split("[:,]", stamp))
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + rest


def test_the_film_is_small_and_says_what_it_is() -> None:
    film = SAMPLES / "talk.mp4"
    assert film.stat().st_size < 3 * MEGABYTE
    with av.open(str(film)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.width, video.codec_context.height, video.average_rate) == (640, 360, 25)
        assert (audio.codec_context.sample_rate, audio.codec_context.channels) == (48_000, 2)
        assert audio.language == "eng"
        assert container.metadata["title"] == "The night train"
        assert len(container.chapters()) == 3
        assert container.duration is not None
        assert 30 < container.duration / 1_000_000 < 45


def test_both_transcripts_have_the_same_times_and_speakers_in_order() -> None:
    english, spanish = _cues("talk.en.srt"), _cues("talk.es.srt")
    assert [cue[:2] for cue in english] == [cue[:2] for cue in spanish]
    assert len(english) == 13
    edges = [_ms(stamp) for times, _, _ in english for stamp in times.split(" --> ")]
    assert edges == sorted(set(edges))
    assert {speaker for _, speaker, _ in english} == {"Anna", "Ben"}


def test_the_times_are_where_the_sound_is() -> None:
    with av.open(str(SAMPLES / "talk.mp4")) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=16_000)
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    import numpy as np

    sound = np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype(np.float64)
    level = np.sqrt(np.mean(sound[: len(sound) // 160 * 160].reshape(-1, 160) ** 2, axis=1))  # 10 ms
    for times, _, text in _cues("talk.en.srt"):
        start, end = (_ms(stamp) // 10 for stamp in times.split(" --> "))
        before, after = level[start - 12 : start - 2], level[end + 2 : end + 12]
        assert level[start:end].max() > 8 * max(before.max(), after.max()), text
