"""The report's page, read without a browser: whole, complete, escaped, and alone."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
import reports

from dubber import page
from dubber.page import histograms, markup, problems, quality

VOID = {"meta", "input", "br"}


class Read(HTMLParser):
    """A page as a browser would read it: raises where elements do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {}
        self.feed(text)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"an attribute twice: {attrs}"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
            self.inside.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> inside {self.open}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open:
            self.inside[self.open[-1]][-1] += data

    def all(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        return [
            found
            for name, found in self.elements
            if name == tag and all(found.get(key.rstrip("_")) == value for key, value in wanted.items())
        ]


def of_lines(read: Read) -> list[dict[str, Any]]:
    """The data blocks of a page."""
    blocks = zip(read.all("script"), read.inside["script"], strict=True)
    return [json.loads(text) for about, text in blocks if about.get("type") == "application/json"]


def test_every_line_is_there_with_both_texts_history_and_takes() -> None:
    told = reports.report()
    text = page.html(told, reports.sounds(told))
    read = Read(text)
    assert [one["id"] for one in read.all("li") if (one.get("id") or "").startswith("l")] == [
        f"l{index}" for index in range(5)
    ]
    for line in told["lines"]:
        assert line["source_text"] in text
        assert line["text"] in text
    data = of_lines(read)
    assert [one["history"] for one in data] == [line["history"] for line in told["lines"]]
    assert [one["takes"] for one in data] == [line["takes"] for line in told["lines"]]


def test_the_clips_of_a_line_are_the_bytes_that_were_given() -> None:
    told = reports.report([reports.line(0), reports.line(1)])
    first, second = (line["id"] for line in told["lines"])
    clips = {first: page.Clips(b"source bytes", b"take bytes"), second: page.Clips(None, b"other")}
    data = of_lines(Read(page.html(told, clips)))
    assert [{name: base64.b64decode(sound) for name, sound in one["clips"].items()} for one in data] == [
        {"source": b"source bytes", "take": b"take bytes"},
        {"take": b"other"},
    ]


def test_a_line_without_clips_has_no_button_to_play_it_and_the_page_says_why() -> None:
    told = reports.report()
    some = {told["lines"][0]["id"]: page.Clips(b"a", None)}
    read = Read(page.html(told, some, silent="The takes are no longer in the cache."))
    assert len(read.all("button", **{"data-do": "source"})) == 1
    assert read.all("button", **{"data-do": "take"}) == []
    assert read.all("button", **{"data-do": "both"}) == []
    assert any(
        "1 of 5 lines can be listened to. The takes are no longer" in text for text in read.inside["p"]
    )
    nothing = Read(page.html(told, {}))
    assert any("There is no sound in this page." in text for text in nothing.inside["p"])
    complete = page.html(told, reports.sounds(told))
    assert "can be listened to" not in complete
    assert "There is no sound" not in complete


def test_hostile_text_stays_text() -> None:
    told = reports.hostile()
    text = page.html(told, reports.sounds(told))
    text.encode("utf-8")  # no half characters are left
    read = Read(text)
    scripts = read.all("script")
    assert [one.get("type") for one in scripts] == [None] + ["application/json"] * len(told["lines"])
    assert read.all("img") == []
    assert not [found for _, found in read.elements if any(name.startswith("on") for name in found)]
    shown = markup._UNSHOWABLE.sub("\ufffd", reports.HOSTILE)
    assert [text for text, about in zip(read.inside["bdi"], read.all("bdi"), strict=True) if shown in text]
    assert of_lines(read)[0]["history"][0]["text"] == reports.HOSTILE


@pytest.mark.parametrize("name", ["html", "script", "style"])
def test_the_page_has_one_of_each(name: str) -> None:
    read = Read(page.html(reports.report(), {}))
    count = [tag for tag, about in read.elements if tag == name and "type" not in about]
    assert len(count) == 1


def test_the_security_policy_admits_our_script_and_style_and_nothing_else() -> None:
    read = Read(page.html(reports.report(), {}))
    [policy] = [
        one["content"] for one in read.all("meta") if one.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in str(policy).split(";"))

    def digest(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert rules == {
        "default-src": "'none'",
        "script-src": digest(read.inside["script"][0]),
        "style-src": digest(read.inside["style"][0]),
        "media-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    order = [tag for tag, about in read.elements if tag in ("meta", "style", "script")]
    assert order.index("style") > 1  # the policy stands before what it speaks of


def test_nothing_in_the_page_is_fetched_from_elsewhere() -> None:
    told = reports.report()
    read = Read(page.html(told, reports.sounds(told)))
    addresses = [
        value
        for tag, found in read.elements
        for name, value in found.items()
        if name in ("src", "href", "srcset", "action", "poster", "xlink:href", "data")
    ]
    assert addresses
    assert all(str(one).startswith("#") for one in addresses)
    assert "style" not in {name for _, found in read.elements for name in found}  # the policy would stop it
    for block in (read.inside["style"][0], read.inside["script"][0]):
        assert not re.search(r"@import|url\(|https?:|fetch\(|XMLHttpRequest|import\(|innerHTML|eval\(", block)


def test_every_link_and_label_leads_somewhere() -> None:
    told = reports.report([reports.line(0, factor=1.4, flags=["compressed"]), reports.line(1)])
    read = Read(page.html(told, reports.sounds(told)))
    named = [str(found["id"]) for _, found in read.elements if "id" in found]
    assert len(named) == len(set(named))
    for _, found in read.elements:
        for name in ("aria-labelledby", "for"):
            assert set(str(found.get(name) or "").split()) <= set(named)
        if str(found.get("href") or "").startswith("#"):
            assert str(found["href"])[1:] in named


def test_problems_are_told_worst_first_and_with_what_to_do() -> None:
    told = reports.report(
        [
            reports.line(0),
            reports.line(1, factor=1.3, flags=["compressed", "crowded"]),
            reports.line(2, onset_error_ms=-300),
            reports.line(3, faults=["A number is missing."], confidence=0.3),
            reports.line(4, dub_lufs=-18.0, flags=["short"]),
            reports.line(5, takes=[{"seed": 3, "kept": True, "doubt": "It stops too early."}]),
        ],
        untranslated=[{"source": [500, 900], "source_text": "Hm.", "faults": []}],
    )
    told["timing"]["holes"] = [[30_000, 31_000]]
    kinds = [problems.of_line(line) for line in told["lines"]]
    assert [[kind.key for kind in one] for one in kinds] == [
        [],
        ["ceiling", "crowded"],
        ["late"],
        ["fault", "unsure"],
        ["loudness", "short"],
        ["doubt"],
    ]
    assert [problems.severity(one) for one in kinds] == [None, "bad", "bad", "look", "look", "bad"]
    found = problems.of_film(told, kinds)
    assert [one.kind.key for one in found] == [
        "untranslated", "ceiling", "crowded", "late", "hole", "doubt", "fault", "unsure", "loudness", "short",
    ]  # fmt: skip
    assert all(one.advice.endswith(".") and "{" not in one.advice for one in found)
    text = page.html(told, {})
    order = [
        text.index(one)
        for one in (">Quality<", " Not translated</h3>", " Too fast</h3>", " Little to say</h3>", 'id="l0"')
    ]
    assert order == sorted(order)


def test_a_take_that_was_not_kept_may_be_doubted() -> None:
    line = reports.line(0, takes=[{"seed": 3, "kept": False, "doubt": "It stops too early."}])
    assert problems.of_line(line) == ()


def test_missed_bars_are_named() -> None:
    told = reports.report()
    told["timing"]["onset_error_95_ms"] = 400.0
    read = Read(page.html(told, {}))
    assert any(text == "1 of 11 bars missed: onset error, 95 % within." for text in read.inside["p"])
    good = Read(page.html(reports.report(), {}))
    assert any(text == "All 11 bars are met." for text in good.inside["p"])


def test_scores_are_those_of_the_takes_that_are_heard() -> None:
    rows = {row.bar.name: row for row in quality.rows(reports.report())}
    assert rows["timbre"].value == pytest.approx(0.7)
    assert rows["emotion"].value is None


def test_a_value_on_an_edge_is_counted_on_the_good_side() -> None:
    scale = histograms.FACTORS
    at = {value: scale.counts([value]).index(1) for value in (0.85, 1.15, 1.25, 0.1, 9.0, 1.0)}
    assert at[0.85] == 5  # from 0.85 to 0.90
    assert at[1.15] == 10  # from 1.10 to 1.15
    assert at[1.25] == 12
    assert at[0.1] == 0
    assert at[9.0] == scale.bins - 1
    assert at[1.0] in (7, 8)
    assert histograms.ONSETS.counts([80]).index(1) == 47
    assert histograms.ONSETS.counts([-80]).index(1) == 32


def test_each_minute_of_the_film_has_its_strip() -> None:
    told = reports.report([reports.line(index) for index in range(40)], duration_ms=165_000)
    read = Read(page.html(told, {}))
    strips = [one for one in read.all("svg") if one.get("class") == "strip"]
    assert [(one["data-from"], one["data-to"]) for one in strips] == [
        ("0", "60000"), ("60000", "120000"), ("120000", "180000"),
    ]  # fmt: skip
    assert "15\u00a0slots, 0 worth a look" in str(strips[0]["aria-label"])


@pytest.mark.parametrize(
    "told",
    [
        reports.report([], duration_ms=0),
        reports.report([reports.line(0, spoken=False)]),
        reports.report(
            [
                {
                    key: value
                    for key, value in reports.line(0, spoken=False).items()
                    if key in ("id", "speaker", "source", "source_text", "text", "spoken")
                }
            ]
        ),
        {
            key: value
            for key, value in reports.report().items()
            if key not in ("speech", "dubbed", "rates", "cast")
        },
    ],
    ids=["no line", "not spoken", "nothing known", "an older report"],
)
def test_a_report_with_little_in_it_still_makes_a_page(told: dict[str, Any]) -> None:
    read = Read(page.html(told, {}))
    assert len(of_lines(read)) == len(told["lines"])


def test_sound_comes_after_all_that_a_person_sees() -> None:
    told = reports.report()
    pieces = list(page.parts(told, reports.sounds(told)))
    with_sound = [index for index, piece in enumerate(pieces) if '"clips":{"source":"' in piece]
    assert len(with_sound) == len(told["lines"])
    last_row = max(
        index for index, piece in enumerate(pieces) if '<li class="line' in piece or 'class="line' in piece
    )
    script = next(index for index, piece in enumerate(pieces) if piece.startswith("<script>"))
    assert last_row < script < min(with_sound)


def test_a_number_that_json_cannot_hold_is_left_out() -> None:
    told = reports.report(
        [reports.line(0, voice={"pitch": float("nan"), "rate": 2.0}, gain_db=float("-inf"))]
    )
    [about] = of_lines(Read(page.html(told, {})))
    assert about["voice"] == {"pitch": None, "rate": 2.0}
    assert about["gain_db"] is None


@pytest.mark.parametrize(
    ("text", "direction"),
    [
        ("مرحبا بالعالم", "rtl"),
        ("BBC: مرحبا بالعالم", "rtl"),  # by its first letter it would run the other way
        ("Good morning, سلام", "auto"),
        ("", "auto"),
    ],
)
def test_a_line_runs_as_most_of_its_letters_do(text: str, direction: str) -> None:
    told = reports.report([reports.line(0, text=text)], settings={"target": "ar", "source": "en"})
    [dub] = Read(page.html(told, {})).all("p", class_="dub")
    assert (dub["dir"], dub["lang"]) == (direction, "ar")


# -- clips ---------------------------------------------------------------------------------------------


def decoded(sound: bytes) -> tuple[np.ndarray[Any, Any], int]:
    import soundfile

    samples, rate = soundfile.read(io.BytesIO(sound), dtype="float32")
    return samples, rate


@pytest.mark.parametrize("rate", [16_000, 24_000, 44_100, 48_000])
def test_a_clip_is_the_sound_at_four_kilobytes_a_second(rate: int) -> None:
    sound = page.clip(reports.tone(2.0, rate), rate)
    assert 3_500 < len(sound) / 2.0 < 4_500
    samples, at = decoded(sound)
    assert samples.ndim == 1
    assert abs(len(samples) / at - 2.0) < 0.12  # an encoder pads to whole frames of 24 ms
    heard = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert np.fft.rfftfreq(len(samples), 1 / at)[heard.argmax()] == pytest.approx(440, abs=2)
    assert np.sqrt(np.mean(samples[at // 2 : at] ** 2)) == pytest.approx(0.2 / np.sqrt(2), rel=0.05)


def test_a_clip_of_stereo_is_its_middle_and_the_same_every_time() -> None:
    left = reports.tone()
    both = page.clip(np.stack([left, np.zeros_like(left)], axis=1), 48_000)
    assert both == page.clip(left / 2, 48_000)


def test_too_loud_a_clip_is_clipped_and_none_at_all_is_refused() -> None:
    samples, _ = decoded(page.clip(reports.tone() * 50, 48_000))
    assert np.abs(samples).max() < 1.6
    with pytest.raises(ValueError, match="no samples"):
        page.clip(np.zeros(0, np.float32), 48_000)


def test_what_is_no_number_is_silence_in_a_clip() -> None:
    samples, _ = decoded(page.clip(np.full(24_000, np.nan, np.float32), 24_000))
    assert np.abs(samples).max() < 1e-3


def test_the_shortest_clip_is_a_sound_too() -> None:
    samples, _ = decoded(page.clip(np.zeros(1, np.float32), 48_000))
    assert len(samples) > 0
