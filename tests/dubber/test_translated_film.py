"""A film translated by a server: what came before it failed is kept, no key is, an edited glossary costs its lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chatserver import KEY, Server, answers, lines, serving
from films import Said, make

from dubber import pipeline
from dubber.errors import TranslationError
from dubber.settings import Settings
from dubber.stages.translate import chat, remote
from dubber.stages.translate.remote import RemoteMind

SAID = tuple(
    Said(500 + 1800 * n, text, "")
    for n, text in enumerate(
        (
            "The old house is near the river.",
            "We bought seven green books.",
            "The boat leaves at noon.",
            "She likes warm bread.",
            "Nobody opened the window.",
        )
    )
)
DURATION = 10_000


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(remote, "PAUSES_S", ())
    monkeypatch.setattr(chat, "MOST_LINES", 1)
    monkeypatch.setitem(RemoteMind.__init__.__kwdefaults__, "width", 1)  # one line after the other
    monkeypatch.setenv("DUBBER_API_KEY", KEY)
    with serving() as running:
        yield running


def test_what_was_translated_before_a_failure_is_not_asked_for_again(server: Server, tmp_path: Path) -> None:
    made = make(tmp_path / "film", said=SAID, duration=DURATION)
    settings = Settings.of(
        "es", source="en", profile="draft", translator="openai", base_url=server.url, model="tiny"
    )
    good = server.usual
    server.next.extend([good, good, good])
    server.usual = answers(500)
    with pytest.raises(TranslationError, match="500"):
        pipeline.translate(made.film, settings, transcript=made.transcript, jobs=1)
    before = [str(lines(one)) for one in server.asked]
    assert len(before) == 4
    done = set(before[:-1]) - {before[-1]}  # the last one asked for is the one that failed
    assert done
    server.usual = good
    report = pipeline.translate(made.film, settings, transcript=made.transcript, jobs=1)
    assert done.isdisjoint(str(lines(one)) for one in server.asked[4:])
    assert len(report["lines"]) == len(SAID)
    assert report["untranslated"] == []
    assert all(line["text"] != line["source_text"] for line in report["lines"])
    assert any("is sent to" in note for note in report["notes"])

    kept = [path for path in made.film.with_suffix(".dub").rglob("*") if path.is_file()]
    assert len(kept) > 10
    assert not [path for path in kept if KEY.encode() in path.read_bytes()]

    glossary = tmp_path / "terms.csv"
    glossary.write_text("boat,barco\n", "utf-8")
    before = len(server.asked)
    again = pipeline.translate(made.film, settings, transcript=made.transcript, glossary=glossary, jobs=1)
    assert again["cache"]["translate"]["misses"] == 1
    assert len(server.asked) - before >= 1


def test_a_render_needs_no_key(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make(tmp_path / "film", said=SAID, duration=DURATION)
    settings = Settings.of(
        "es", source="en", profile="draft", translator="openai", base_url=server.url, model="tiny"
    )
    pipeline.translate(made.film, settings, transcript=made.transcript, jobs=1)
    monkeypatch.delenv("DUBBER_API_KEY")
    server.usual = answers(401)
    before = len(server.asked)
    (report,) = pipeline.render(made.film, jobs=1)
    assert len(server.asked) == before
    assert report["lines_remade"] == 0
