"""The report's page in a real browser: it asks for nothing, says nothing on the console, plays, filters, fits a phone.
Needs Chromium: on PATH, or named by DUBBER_CHROMIUM."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chromium
import pytest
import reports
from chromium import Tab

from dubber import page

PROGRAM = chromium.program()

pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason="no Chromium on this machine: install one, or name it in DUBBER_CHROMIUM"
)


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    assert PROGRAM is not None
    with chromium.tab(PROGRAM, tmp_path_factory.mktemp("browser")) as opened:
        yield opened


def show(tab: Tab, path: Path, told: dict[str, Any], *, width: int = 1_440, sound: bool = True) -> None:
    """Write the page of a report and open it; a fault of the page fails the test at once."""
    file = path / "report.html"
    file.write_text(page.html(told, reports.sounds(told) if sound else {}), encoding="utf-8")
    tab.size(width, 900)
    tab.open(file)
    assert tab.said == []
    assert tab.requests == [file.as_uri()]


def mixed() -> dict[str, Any]:
    """A report with something of everything."""
    lines = [reports.line(index) for index in range(8)]
    lines[2] |= {"factor": 1.4, "flags": ["compressed"]}
    lines[5] |= {"onset_error_ms": -320, "text": "Aquí está el océano."}
    lines[6] |= {
        "phrases": [
            {
                "text": "Uno",
                "source": [25_000, 25_900],
                "slot": [25_000, 25_900],
                "natural_ms": 900,
                "factor": 1.0,
            },
            {
                "text": "dos",
                "source": [26_200, 27_000],
                "slot": [26_200, 27_000],
                "natural_ms": 800,
                "factor": 1.0,
            },
        ]
    }
    return reports.report(lines)


SHOWN = "[...document.querySelectorAll('.line')].map(row => row.id)"
HEARD = """new Promise((done, fail) => {
  const audio = document.querySelector('audio');
  audio.addEventListener('timeupdate', () => {
    if (audio.currentTime > 0.1) done({ type: audio.src.slice(0, 15), length: audio.duration });
  });
  audio.addEventListener('error', () => fail(new Error(audio.error.message)));
  document.querySelector('%s').click();
})"""


def choose(tab: Tab, control: str, value: str) -> list[str]:
    """Choose in a list as a person does; the lines that are then shown."""
    tab.run(f"(() => {{ const one = document.getElementById('{control}'); one.value = '{value}';"
            "one.dispatchEvent(new Event('change')); })()")  # fmt: skip
    shown: list[str] = tab.run(SHOWN)
    return shown


def test_source_and_take_play(tab: Tab, tmp_path: Path) -> None:
    show(tab, tmp_path, mixed())
    for what in ("source", "take"):
        heard = tab.run(HEARD % f'#l1 [data-do="{what}"]')
        assert heard["type"] == "data:audio/mpeg"
        assert heard["length"] == pytest.approx(1.0, abs=0.1)
    assert tab.run("document.getElementById('what').textContent") == "Take of line 2"
    assert tab.run("document.querySelector('.playing').id") == "l1"
    tab.press("Escape")
    assert tab.run("[document.querySelector('audio').paused, document.getElementById('deck').hidden]") == [
        True,
        True,
    ]
    assert tab.said == []
    assert len(tab.requests) == len(
        [one for one in tab.requests if one.startswith(("file:", "data:audio/mpeg"))]
    )


def test_both_plays_the_source_and_then_the_take(tab: Tab, tmp_path: Path) -> None:
    show(tab, tmp_path, mixed())
    told = tab.run("""new Promise(done => {
      const heard = [], audio = document.querySelector('audio');
      audio.addEventListener('playing', () => {
        heard.push(document.getElementById('what').textContent);
        if (heard.length === 2) done(heard);
      });
      document.querySelector('#l0 [data-do="both"]').click();
    })""")
    assert told == ["Source of line 1", "Take of line 1"]


def test_lines_are_found_filtered_and_sorted(tab: Tab, tmp_path: Path) -> None:
    show(tab, tmp_path, mixed())
    assert tab.run(SHOWN) == [f"l{index}" for index in range(8)]
    assert choose(tab, "by-kind", "ceiling") == ["l2"]
    assert choose(tab, "by-kind", "any") == ["l2", "l5"]
    assert choose(tab, "by-kind", "") == [f"l{index}" for index in range(8)]
    assert choose(tab, "by-speaker", "Speaker 2") == ["l1", "l3", "l5", "l7"]
    assert choose(tab, "order", "onset")[0] == "l5"
    tab.run("document.getElementById('by-speaker').selectedIndex = 0")
    assert choose(tab, "order", "factor")[0] == "l2"
    tab.run("document.getElementById('find').value = 'OCÉANO'; arrange()")
    assert tab.run(SHOWN) == ["l5"]
    assert tab.run("document.getElementById('count').textContent") == "1 of 8 lines"
    tab.run("document.getElementById('find').value = 'nothing of the kind'; arrange()")
    assert tab.run("document.querySelector('.none').textContent") == "No line is like that."


def test_a_link_to_a_line_that_is_filtered_away_brings_it_back(tab: Tab, tmp_path: Path) -> None:
    show(tab, tmp_path, mixed())
    assert choose(tab, "by-kind", "late") == ["l5"]
    tab.run("document.querySelector('.problem a[href=\"#l2\"]').click()")
    assert tab.run("document.activeElement.id") == "l2"
    assert len(tab.run(SHOWN)) == 8


def test_a_problem_shows_its_lines(tab: Tab, tmp_path: Path) -> None:
    show(tab, tmp_path, mixed())
    tab.run("document.querySelector('[data-kind=late]').click()")
    assert tab.run(SHOWN) == ["l5"]


def test_a_click_on_the_film_goes_to_the_line_spoken_there(tab: Tab, tmp_path: Path) -> None:
    show(tab, tmp_path, mixed())
    tab.run("document.querySelector('.strip').scrollIntoView()")
    left, top, width = tab.run(
        "(() => { const box = document.querySelector('.strip').getBoundingClientRect();"
        "return [box.left, box.top, box.width]; })()"
    )
    start, end = tab.run(
        "[+document.querySelector('.strip').dataset.from, +document.querySelector('.strip').dataset.to]"
    )
    at = {
        "x": left + width * (14_000 - start) / (end - start),
        "y": top + 20,
        "button": "left",
        "clickCount": 1,
    }
    for kind in ("mousePressed", "mouseReleased"):
        tab.ask("Input.dispatchMouseEvent", type=kind, **at)
    assert tab.run("document.activeElement.id") == "l3"  # spoken from 13 to 15 s


def test_keys_go_through_the_film(tab: Tab, tmp_path: Path) -> None:
    show(tab, tmp_path, mixed())
    tab.press("j")
    tab.press("j")
    assert tab.run("document.activeElement.id") == "l1"
    tab.press("k")
    assert tab.run("document.activeElement.id") == "l0"
    tab.press("Enter")
    assert tab.run("document.querySelector('#l0 [data-do=open]').getAttribute('aria-expanded')") == "true"
    opened = tab.run("document.querySelector('#l0 .more').innerText")
    for told in ("Longer than its source.", "natural 2.40 s, 1.20×", "0.80", "Se dice esto."):
        assert told in opened
    tab.press("s")
    assert tab.run("document.getElementById('what').textContent") == "Source of line 1"
    tab.press(" ")
    assert tab.run("document.getElementById('what').textContent") == "Take of line 1"
    tab.press("Escape")
    tab.press("/")
    tab.press("j")  # a letter now, no command
    assert tab.run("[document.activeElement.id, document.getElementById('find').value]") == ["find", "j"]


def test_keys_can_be_switched_off(tab: Tab, tmp_path: Path) -> None:
    show(tab, tmp_path, mixed())
    tab.run("document.getElementById('keys').click()")
    tab.press("j")
    assert tab.run("document.activeElement.className") != "line"


@pytest.mark.parametrize("width", [320, 375, 768, 1_440])
def test_it_fits_the_window(tab: Tab, tmp_path: Path, width: int) -> None:
    told = mixed()
    told["lines"][0]["text"] = "x" * 400
    told["lines"][1]["speaker"] = "A very long name that somebody has in this film " * 3
    show(tab, tmp_path, told, width=width)
    tab.run("rows.forEach(toggle)")
    assert tab.run("document.documentElement.scrollWidth") <= width
    beyond = tab.run(
        "[...document.querySelectorAll('main *')].filter(one => !one.closest('.wide, svg, .unseen') "
        f"&& one.getBoundingClientRect().right > {width} + 1).map(one => one.outerHTML.slice(0, 120))"
    )
    assert beyond == []


def test_hostile_text_is_inert(tab: Tab, tmp_path: Path) -> None:
    show(tab, tmp_path, reports.hostile())
    tab.run("rows.forEach(toggle)")
    tab.run(HEARD % '#l0 [data-do="take"]')
    assert tab.run("window.pwned === undefined")
    assert tab.run("document.images.length") == 0
    assert "<img src=x" in tab.run("document.querySelector('#l0 .more').textContent")
    assert tab.said == []


def test_the_policy_stops_what_is_not_ours(tab: Tab, tmp_path: Path) -> None:
    show(tab, tmp_path, mixed())
    tab.run(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.pwned = 1'}))"
    )
    tab.run(
        "document.body.append(Object.assign(document.createElement('img'), {src: 'http://127.0.0.1:9/x.png'}))"
    )
    assert tab.run("window.pwned === undefined")
    assert len([one for one in tab.said if "Content Security Policy" in one]) == 2


def test_text_has_the_contrast_that_eyes_need(tab: Tab, tmp_path: Path) -> None:
    show(tab, tmp_path, mixed())
    for dark in (False, True):
        tab.size(1_440, 900, dark=dark, still=True)
        tab.run("rows.forEach(row => row.querySelector('.more') || toggle(row))")
        tab.run("play(rows[0], 'take')")
        assert tab.run(FAINT) == []


def test_text_of_a_right_to_left_language_runs_from_the_right(tab: Tab, tmp_path: Path) -> None:
    lines = [reports.line(0, text="مرحبا، كيف حالك؟"), reports.line(1)]
    show(tab, tmp_path, reports.report(lines, settings={"target": "ar", "source": "en"}))
    assert tab.run("[...document.querySelectorAll('.dub')].map(one => getComputedStyle(one).direction)") == [
        "rtl",
        "ltr",
    ]


def test_a_page_without_sound_has_nothing_to_press_for_it(tab: Tab, tmp_path: Path) -> None:
    show(tab, tmp_path, mixed(), sound=False)
    assert tab.run("document.querySelectorAll('[data-do=take], [data-do=source]').length") == 0
    tab.press("j")
    tab.press(" ")
    assert tab.run("document.getElementById('deck').hidden")
    assert tab.said == []


FAINT = """(() => {
  // Every text's colour against the ground that it really stands on, by WCAG 2.2's formula.
  const parse = (colour) => { const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number); return [r, g, b, a]; };
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const faint = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const one = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || one.closest('script, style, option, .unseen, title')) continue;
    const style = getComputedStyle(one);
    const ink = parse(one instanceof SVGElement ? style.fill : style.color);
    const [above, below] = [light(ink), light(ground(one))].sort((a, b) => b - a);
    const contrast = (above + 0.05) / (below + 0.05);
    const name = one.className.baseVal ?? one.className;
    if (contrast < 4.5) faint.add(`${name} ${contrast.toFixed(2)} ${one.textContent}`);
  }
  return [...faint];
})()"""
