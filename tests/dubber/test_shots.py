"""Shot changes: found to the picture, nothing else taken for one, and lines kept from sounding over them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from films import Made, Said, make
from reels import ffmpeg, wav

from dubber import media, pipeline, srt
from dubber.errors import MediaError
from dubber.media import probe, shots
from dubber.settings import Settings

Pictures = npt.NDArray[np.uint8]

WIDTH, HEIGHT = 160, 90
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "48", "-pix_fmt", "yuv420p")


@functools.cache
def scene(number: int) -> npt.NDArray[np.float64]:
    """A place of its own, shape (2 × HEIGHT, 2 × WIDTH, 3): coarse patches of colour around a light of its own."""
    made = np.random.default_rng(number)
    coarse = made.uniform(-60, 60, (12, 20, 3)) + made.uniform(90, 150, 3)
    return np.repeat(np.repeat(coarse, 2 * HEIGHT // 12, 0), 2 * WIDTH // 20, 1)


def shot(number: int, count: int, speed: float = 1.0) -> Pictures:
    """`count` pictures of a scene with grain, shape (count, HEIGHT, WIDTH, 3), the camera moving by `speed` pixels."""
    grain = np.random.default_rng(number)
    views = []
    for n in range(count):
        left = round(n * speed) % WIDTH
        view = scene(number)[20 : 20 + HEIGHT, left : left + WIDTH]
        views.append(view + grain.normal(0, 6, view.shape))
    return np.stack(views).clip(0, 255).astype(np.uint8)


def dissolved(one: Pictures, other: Pictures, count: int) -> Pictures:
    """Both shots, the last `count` pictures of one becoming the first of the other."""
    share = (np.arange(1, count + 1) / (count + 1))[:, None, None, None]
    between = one[-count:] * (1 - share) + other[:count] * share
    return np.concatenate([one[:-count], between.astype(np.uint8), other[count:]])


def film(
    path: Path, pictures: Pictures, rate: str, *options: str, late: float = 0.0, sound: Path | None = None
) -> media.Film:
    """A film of these pictures, which come `late` seconds after its sound; `options` shape what is written."""
    raw = path.with_suffix(".rgb")
    raw.write_bytes(pictures.tobytes())
    sound = sound or wav(path.with_suffix(".wav"), 0.5, seconds=len(pictures) / per_second(rate) + late)
    picture = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-framerate", rate)
    ffmpeg(
        *("-itsoffset", str(late), *picture, "-i", raw, "-i", sound),
        *(*H264, "-c:a", "aac", *options, path),
    )
    raw.unlink()
    return probe(path)


def per_second(rate: str) -> float:
    """Pictures a second, of "25" or "24000/1001"."""
    over, _, under = rate.partition("/")
    return int(over) / int(under or 1)


def near(found: Sequence[int], wanted: Sequence[float], within: float = 2.0) -> bool:
    """Whether these are the cuts that were wanted, each within so many ms: containers count in whole ones."""
    return len(found) == len(wanted) and all(
        abs(one - other) <= within for one, other in zip(found, wanted, strict=True)
    )


@pytest.mark.parametrize("rate", ["25", "24000/1001"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_cuts_are_found_at_the_new_shots_first_picture(rate: str, suffix: str, tmp_path: Path) -> None:
    pictures = np.concatenate([shot(1, 37), shot(2, 50, 3.0), shot(3, 41, 0.0), shot(4, 30)])
    made = film(tmp_path / f"film{suffix}", pictures, rate)
    cuts = shots(made)
    assert near(cuts, [count * 1000 / per_second(rate) for count in (37, 87, 128)]), cuts


def test_pictures_of_uneven_length_keep_their_own_times(tmp_path: Path) -> None:
    """Every third picture only, from the 40th on: 25 a second become 8 and a third."""
    pictures = np.concatenate([shot(1, 30), shot(2, 40), shot(3, 50)])
    thinned = ("-vf", "select='lt(n,40)+not(mod(n,3))'", "-fps_mode", "vfr")
    cuts = shots(film(tmp_path / "film.mkv", pictures, "25", *thinned))
    kept = [n for n in range(len(pictures)) if n < 40 or n % 3 == 0]
    wanted = [next(n for n in kept if n >= first) * 40 for first in (30, 70)]
    assert wanted == [1200, 2880]
    assert near(cuts, wanted), cuts


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_a_late_picture_is_late_on_the_films_clock(suffix: str, tmp_path: Path) -> None:
    made = film(tmp_path / f"film{suffix}", np.concatenate([shot(1, 40), shot(2, 40)]), "25", late=0.7)
    start = made.of("video")[0].start or 0
    assert 700 <= start <= 745  # at the next whole picture, and AAC's priming sounds 21 ms before the sound
    assert near(shots(made), [start + 1600])


def test_a_container_that_starts_late_starts_the_films_clock(tmp_path: Path) -> None:
    pictures = np.concatenate([shot(1, 40), shot(2, 40)])
    made = film(tmp_path / "film.ts", pictures, "25", "-output_ts_offset", "0.7", "-muxdelay", "0")
    assert made.start_us >= 600_000
    start = made.of("video")[0].start or 0
    assert start <= 125
    assert near(shots(made), [start + 1600])


def flashed(pictures: Pictures, first: int, count: int, left: float = 0.0) -> Pictures:
    """The pictures with `count` of them white from the first on, `left` of them still to be seen."""
    pictures = pictures.copy()
    seen = pictures[first : first + count]
    pictures[first : first + count] = (255 - (255 - seen) * left).astype(np.uint8)
    return pictures


def darker(pictures: Pictures, first: int) -> Pictures:
    """The pictures with half the light from the first on."""
    pictures = pictures.copy()
    pictures[first:] = (pictures[first:] * 0.5).astype(np.uint8)
    return pictures


@pytest.mark.parametrize(
    "pictures",
    [
        pytest.param(lambda: shot(1, 75, 0.0), id="static"),
        pytest.param(lambda: shot(1, 75, 12.0), id="pan"),
        pytest.param(lambda: dissolved(shot(1, 50), shot(2, 50), 12), id="dissolve"),
        pytest.param(
            lambda: dissolved(shot(1, 50), np.zeros((50, HEIGHT, WIDTH, 3), np.uint8), 12), id="fade"
        ),
        pytest.param(lambda: flashed(shot(1, 75), 40, 1), id="flash of one picture"),
        pytest.param(lambda: flashed(shot(1, 75), 40, 5), id="flash of 200 ms"),
        pytest.param(lambda: flashed(shot(1, 75), 40, 10, left=0.3), id="lightning of 400 ms"),
        pytest.param(lambda: darker(shot(1, 75), 40), id="a lamp goes out"),
    ],
)
def test_what_is_no_cut_gives_none(pictures: Any, tmp_path: Path) -> None:
    assert shots(film(tmp_path / "film.mp4", pictures(), "25")) == ()


def test_a_cut_beside_a_fade_and_a_flash_is_found_alone(tmp_path: Path) -> None:
    pictures = np.concatenate(
        [dissolved(shot(1, 40), shot(2, 50), 15), flashed(shot(3, 60), 30, 2), shot(4, 20)]
    )
    assert near(shots(film(tmp_path / "film.mp4", pictures, "25")), [75 * 40, 135 * 40])


def test_two_cuts_in_less_than_300_ms_are_one(tmp_path: Path) -> None:
    (cut,) = shots(film(tmp_path / "film.mp4", np.concatenate([shot(1, 40), shot(2, 5), shot(3, 40)]), "25"))
    assert cut in range(1600, 1801)


def test_a_film_of_two_seconds_has_its_cut(tmp_path: Path) -> None:
    assert near(shots(film(tmp_path / "film.mp4", np.concatenate([shot(1, 25), shot(2, 25)]), "25")), [1000])


def test_only_sound_has_no_cuts(tmp_path: Path) -> None:
    assert shots(probe(wav(tmp_path / "sound.wav", 0.5))) == ()


def test_looking_tells_how_far_it_is(tmp_path: Path) -> None:
    told: list[float] = []
    shots(film(tmp_path / "film.mp4", shot(1, 50), "25"), told.append)
    assert told[-1] == 1.0
    assert all(0 <= share <= 1 for share in told)


def test_a_picture_that_cannot_be_decoded_is_said_to_be_one(tmp_path: Path) -> None:
    made = film(tmp_path / "film.mkv", shot(1, 25), "25")
    data = bytearray(made.path.read_bytes())
    at = data.index(b"V_MPEG4/ISO/AVC")
    data[at : at + 15] = b"V_MPEG4/ISO/XYZ"
    made.path.write_bytes(data)
    with pytest.raises(MediaError, match="cannot be decoded") as caught:
        shots(probe(made.path))
    assert "--shots" in (caught.value.hint or "")


# -- a dub that knows them ----------------------------------------------------------------------------

LINE = Said(600, "The boat leaves at seven.", "El barco grande sale a las siete hoy.")
AFTER = 100
"""ms from the end of the source's words to the cut."""


@pytest.fixture(scope="module")
def before_the_cut(tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, int]:
    """A film in which a line is over shortly before the shot is, and the time of that cut in ms."""
    spoken = make(tmp_path_factory.mktemp("films"), "sound.flac", said=[LINE], duration=6000)
    (cue,) = srt.read(spoken.transcript).cues
    first = round((cue.end + AFTER) / 40)
    path = spoken.film.with_name("talk.mp4")
    film(path, np.concatenate([shot(1, first), shot(2, 150 - first)]), "25", sound=spoken.film)
    return Made(path, spoken.transcript, spoken.translation, spoken.onsets), first * 40


def settings(**choices: Any) -> Settings:
    return Settings.of("es", source="en", profile="draft", **choices)


def test_a_line_that_is_too_long_ends_before_the_cut_where_cuts_are_known(
    before_the_cut: tuple[Made, int],
) -> None:
    made, cut = before_the_cut
    given: dict[str, Any] = {"transcript": made.transcript, "translation": made.translation, "jobs": 1}
    blind = pipeline.translate(made.film, settings(), **given)
    assert "shots" not in blind
    assert blind["lines"][0]["slot"][1] > cut

    planned = pipeline.plan(made.film, settings(shots=True), **given)
    assert near(planned["shots"], [cut])
    assert planned["lines"][0]["slot"][1] <= cut

    seen = pipeline.translate(made.film, settings(shots=True), **given)
    assert near(seen["shots"], [cut])
    assert seen["lines"][0]["slot"][1] <= cut
    assert seen["cache"]["shots"] == {"hits": 1, "misses": 0}  # the plan found them

    (again,) = pipeline.render(made.film, changes={"shots": False}, jobs=1)
    assert again["lines"][0]["slot"] == blind["lines"][0]["slot"]
