"""The project folder beside a film: the only room that writes into it, and the one that knows its layout.

Never makes anything itself: stages hand over data, or write to the path they are given.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dubber import atomic, lock, names, voicefiles, written
from dubber import picks as picked
from dubber.errors import MediaError, MissingError, UsageError
from dubber.folder import (
    FORMAT,
    LOCK,
    SCHEMA,
    SETTINGS,
    claims,
    damaged,
    film_at,
    is_vacant,
    places,
    reading,
    recorded,
    report_in,
    settings_in,
)
from dubber.store import Cache, digest_of
from dubber.voicefiles import VoiceFile

SUFFIX = ".dub"

TRANSIENT = {"mix": 2}
"""Stages whose results are as large as the film's sound and stale with every edit, and how many are kept of each
language: the newest, and the one before it to go back to."""

Setting = str | int | float | bool | None
"""What a setting of a run may be."""

SAME_FILM_MS = 1_000
"""A film that was exported again may be so much longer or shorter; a new cut, to which no edit of the old one belongs,
seldom is."""

_RACY_NS = 2_000_000_000
"""ns. A file changed this shortly before it was hashed may change again within the same tick of its clock:
2 s is the coarsest clock of a file system in use (FAT)."""


class Project:
    """A film and the folder that everything known about it lies in.

    Opening one only looks; everything that writes needs `lock()` and raises RuntimeError without it. The
    cache may be read at any time, written to under the lock.
    """

    def __init__(self, folder: Path, film: Path, data: dict[str, Any]) -> None:
        self.folder = folder
        self.film = film
        self.cache = Cache(folder / "cache", transient=TRANSIENT)
        self._data = data
        self._held = False

    @classmethod
    @reading()
    def open(cls, film: Path, folder: Path | None = None) -> Project:
        """The project of `film`, in `folder` or beside the film: talk.mp4 has talk.dub.

        Where talk.dub belongs to another film (talk.mkv), the folder is talk.mp4.dub. Writes nothing.

        Raises MissingError when there is no such film, MediaError when it is no regular file, UsageError
        when the folder is not a project, is another film's, is damaged, was made by a newer program, or no
        file can be called so.
        """
        film = film_at(film)
        if folder is not None:
            folder = folder.parent.resolve() / folder.name
            if not is_vacant(folder) and not claims(settings_in(folder), folder, film):
                raise UsageError(
                    f"{folder} is the project of another film, {recorded(settings_in(folder))}.",
                    hint="Name another folder.",
                )
            return cls._at(folder, film)
        first, second = (
            film.with_name(names.with_ending(name, SUFFIX)) for name in (film.stem or film.name, film.name)
        )
        for folder in (first, second):
            if folder.is_file():  # a file that is called like a project, the film itself perhaps
                continue
            if is_vacant(folder) or claims(settings_in(folder), folder, film):
                return cls._at(folder, film)
        raise UsageError(
            f"{first} and {second} both belong to other films.", hint="Name a folder for this film's project."
        )

    @classmethod
    @reading()
    def load(cls, folder: Path) -> Project:
        """The project in an existing folder; its film is looked for near the folder first, then where it was.

        Raises MissingError when folder or film is gone, UsageError as `open` does.
        """
        folder = folder.parent.resolve() / folder.name
        try:
            folder.stat()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise MissingError(f"There is no project {folder}.", hint="Check the name.") from error
        data = settings_in(folder)
        for film in places(data, folder):
            if film.is_file():
                return cls(folder.resolve(), film, data)
        raise MissingError(
            f"The film of {folder}, {recorded(data)}, is no longer there.",
            hint="Put it back, or start from the film where it is now and name this folder as its project.",
        )

    @classmethod
    def _at(cls, folder: Path, film: Path) -> Project:
        return cls(folder.resolve(), film, {} if is_vacant(folder) else settings_in(folder))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Holds the project for this run; makes its folder first, and sweeps what a killed run left.

        Raises InUseError, naming who holds it, SpaceError, and UsageError when the folder became another
        film's since it was opened.
        """
        if self._held:
            raise RuntimeError("this run holds the project already")
        atomic.inner_folder(self.folder.parent, self.folder.name)
        with lock.held(self.folder / LOCK):
            fresh = {} if is_vacant(self.folder) else settings_in(self.folder)
            known = not fresh or fresh["source"] == self._data.get("source")
            if not known and not claims(fresh, self.folder, self.film):
                raise UsageError(
                    f"{self.folder} has become the project of {recorded(fresh)}.", hint="Run again."
                )
            self._data = fresh
            atomic.sweep(self.folder)
            self._held = True
            try:
                self._save()
                atomic.inner_folder(self.folder, "cache")
                yield
            finally:
                self._held = False

    # -- project.json ------------------------------------------------------------------------------

    def source_digest(
        self, progress: Callable[[float], None] = lambda _: None, *, duration: int | None = None
    ) -> str:
        """sha256 of the film's bytes; an unchanged film is not read twice. Needs the lock.

        Unchanged means: same size, inode, and times of change, the last of which lies safely before the
        moment it was read. `duration` (ms) is remembered. Raises MissingError; MediaError when the film cannot be
        read, or changes while it is; UsageError for another film, of another length, in the place of the one that this
        project was made of.
        """
        source = self._section("source")
        stamp = _stamp(self.film)
        same = all(source.get(name) == stamp[name] for name in stamp)
        known = source.get("digest")
        if same and source.get("settled") is True and isinstance(known, str):
            if duration is not None and source.get("duration") != duration:
                source["duration"] = duration
                self._save()
            return known
        settled = max(stamp["mtime_ns"], stamp["ctime_ns"]) + _RACY_NS < time.time_ns()
        try:
            digest = digest_of(self.film, progress)
        except OSError as error:
            raise MediaError(
                f"{self.film} cannot be read: {error.strerror}.", hint="Check its permissions and its disk."
            ) from error
        if _stamp(self.film) != stamp:
            raise MediaError(
                f"{self.film} changed while it was read.",
                hint="Wait until it is completely there, and run again.",
            )
        before = source.get("duration")
        other = isinstance(before, int) and duration is not None and abs(before - duration) > SAME_FILM_MS
        if known not in (None, digest) and other:
            raise UsageError(
                f"{self.film.name} is not the film that {self.folder.name} was made of: it has another length.",
                hint="Put the first one back, or name another folder for this one: --project FOLDER",
            )
        source.update(stamp, digest=digest, settled=settled)
        if duration is not None:
            source["duration"] = duration
        self._save()
        return digest

    def run_settings(self, language: str) -> dict[str, Setting] | None:
        """The settings of the last run into `language`, or None. Raises UsageError for damaged ones."""
        settings = self._section("runs").get(language)
        if settings is None and language not in self._section("runs"):
            return None
        if not isinstance(settings, dict) or not all(
            isinstance(value, Setting) for value in settings.values()
        ):
            raise damaged(self.folder)
        return dict(settings)

    def remember_run(self, language: str, settings: Mapping[str, Setting]) -> None:
        """Keeps the settings of a run into `language` in place of those of the run before."""
        self._section("runs")[language] = dict(settings)
        self._save()

    def voice(self, language: str) -> str | None:
        """The engine that speaks `language` here, where that was left to the program; None where it never was."""
        name = self._section("automatic").get(language)
        return name if isinstance(name, str) else None

    def remember_voice(self, language: str, name: str) -> None:
        """Keeps which engine speaks `language`, before it has spoken: a run that is stopped goes on with the same."""
        self._section("automatic")[language] = name
        self._save()

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages this project was dubbed into, in order of the first time."""
        return tuple(self._section("runs"))

    def output(self, language: str) -> Path | None:
        """Where the film dubbed into `language` was written last, or None."""
        place = self._outputs(language)
        return Path(os.path.normpath(self.folder / place["relative"])) if place else None

    @reading()
    def is_made(self, language: str, path: Path, recipe: str) -> bool:
        """Whether `path` is the film that was last written for `language`, of the same recipe, untouched since."""
        place = self._outputs(language)
        return (
            self.output(language) == path
            and place.get("recipe") == recipe
            and path.is_file()
            and all(place.get(name) == value for name, value in _seen(path).items())
        )

    def remember_output(self, language: str, path: Path, recipe: str) -> None:
        """Keeps where the film dubbed into `language` was written, and a digest of what it was made of."""
        near = os.path.relpath(path, self.folder)
        self._section("outputs")[language] = {"relative": near, "recipe": recipe, **_seen(path)}
        self._save()

    def _outputs(self, language: str) -> dict[str, Any]:
        """What is known of an output, empty when there is none."""
        place = self._section("outputs").get(language)
        if place is None and language not in self._section("outputs"):
            return {}
        if not isinstance(place, dict) or not isinstance(place.get("relative"), str):
            raise damaged(self.folder)
        return place

    def speakers(self) -> Any:
        """What `remember_speakers` was handed last, {} where nothing was. It can be made again, and may be anything."""
        return self._data.get("speakers", {})

    def remember_speakers(self, data: Mapping[str, Any]) -> None:
        """Keeps what is known of the film's speakers, by name: plain JSON data."""
        if data != self._data.get("speakers"):
            self._data["speakers"] = dict(data)
            self._save()

    def wordings(self, language: str) -> dict[str, tuple[str, str]]:
        """What `remember_wordings` was handed last. It can be made again, so that damage to it is nothing."""
        kept = self._data.get("wordings")
        mine = kept.get(language) if isinstance(kept, dict) else None
        pairs = mine.items() if isinstance(mine, dict) else ()
        return {
            segment: (pair[0], pair[1])
            for segment, pair in pairs
            if isinstance(pair, list) and len(pair) == 2 and all(isinstance(one, str) for one in pair)
        }

    def remember_wordings(self, language: str, chosen: Mapping[str, tuple[str, str]]) -> None:
        """Keeps, by segment, the translator's first wording and the one that was chosen in its place."""
        if chosen != self.wordings(language):
            self._section("wordings")[language] = {one: list(pair) for one, pair in chosen.items()}
            self._save()

    # -- files a person may edit -------------------------------------------------------------------

    def subtitles(self, name: str) -> written.Written:
        """The state of <name>.srt ("transcript", "es"): its path, digest, whether edited, the base cues."""
        return written.look(self.folder, name)

    def write_subtitles(self, name: str, text: str, cues: Any, *, seen: str | None) -> Path:
        """Writes <name>.srt over the file whose digest is `seen`, and remembers `cues`; see written.write."""
        self._needs_lock()
        return written.write(self.folder, name, text, cues, seen=seen)

    def keep_given(self, data: bytes, name: str) -> str:
        """Keeps a subtitle file that a person gave under the name `name`; returns its sha256."""
        self._needs_lock()
        return written.keep_given(self.folder, data, name)

    def given(self, digest: str) -> tuple[bytes, str]:
        """A file that `keep_given` kept: its bytes, and the name it was given under. Raises as written.given."""
        return written.given(self.folder, digest)

    def voice_file(self, speaker: str) -> VoiceFile | None:
        """The reference of `speaker` in voices/, or None when there is none yet. Raises as voicefiles.find."""
        return voicefiles.find(self.folder, self._section("voices"), speaker)

    def voice_path(self, speaker: str) -> Path:
        """Where the reference of `speaker` lies or belongs. Raises as voicefiles.place."""
        return voicefiles.place(self.folder, self._section("voices"), speaker)

    def write_voice(self, speaker: str, make: Callable[[Path], None]) -> VoiceFile:
        """Writes the reference of `speaker`, unless a person put their own there: then that one is returned.

        `make` writes a WAV file to the path it is given. Raises SpaceError and what `make` raises.
        """
        self._needs_lock()
        found = self.voice_file(speaker)
        if found is not None and not found.ours:
            return found
        atomic.inner_folder(self.folder, "voices")
        voices = self._section("voices")
        path, voice = self.voice_path(speaker), voicefiles.known(self.folder, voices, speaker)
        with atomic.replacing(path) as temporary:
            make(temporary)
            digest = digest_of(temporary)
            # Both are ours until the new one is in place: a kill here must not make either a person's.
            voice.update(file=path.name, digests=[digest] if found is None else [found.digest, digest])
            voices[speaker] = voice
            self._save()
        voice["digests"] = [digest]
        self._save()
        return VoiceFile(path, digest, ours=True)

    def picks(self, language: str) -> dict[str, picked.Pick]:
        """The takes that a person picked, by the part of a line; see picks.py. Raises as picks.read."""
        return picked.read(self.folder, language)

    def write_picks(self, language: str, chosen: Mapping[str, picked.Pick]) -> None:
        """Keeps the takes that a person picked, in place of those of before."""
        self._needs_lock()
        picked.write(self.folder, language, chosen)

    def report(self, language: str) -> Any:
        """What `write_report` was handed last, None where nothing was or where it is damaged: a run makes it again."""
        return report_in(self.folder, language)

    def write_report(self, language: str, report: Any) -> None:
        """Writes report.<language>.json, and the same as report.json: that of the newest run."""
        self._needs_lock()
        if not names.is_plain(language):
            raise UsageError(f"{language!r} is no language tag.", hint="Say a tag like es or zh-Hant.")
        for name in (f"report.{language}.json", "report.json"):
            atomic.write_json(self.folder / name, report)

    def page_path(self, language: str) -> Path:
        """Where the page of a language's report lies, or belongs."""
        return self.folder / f"report.{language}.html"

    def write_page(self, language: str, parts: Iterable[str]) -> Path:
        """Writes report.<language>.html, piece by piece; returns it."""
        self._needs_lock()
        path = self.page_path(language)
        with atomic.replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
            for part in parts:
                file.write(part)
        return path

    # -- inside ------------------------------------------------------------------------------------

    def _section(self, name: str) -> dict[str, Any]:
        section = self._data.setdefault(name, {})
        if not isinstance(section, dict):
            raise damaged(self.folder)
        return section

    def _needs_lock(self) -> None:
        if not self._held:
            raise RuntimeError("the project must be locked to write into it")

    def _save(self) -> None:
        self._needs_lock()
        self._data.update(format=FORMAT, schema=SCHEMA)
        near = os.path.relpath(self.film, self.folder)
        self._section("source").update(path=str(self.film), relative=near)
        atomic.write_json(self.folder / SETTINGS, self._data)


def outputs(folder: Path) -> tuple[Path, ...]:
    """The dubbed films that the project in `folder` wrote; none where it is no project that can be read."""
    try:
        made = settings_in(folder).get("outputs", {})
    except (UsageError, MissingError):
        return ()
    known = [place for place in made.values() if isinstance(place, dict)] if isinstance(made, dict) else []
    near = [place.get("relative") for place in known]
    return tuple(Path(os.path.normpath(folder / one)) for one in near if isinstance(one, str))


def _seen(output: Path) -> dict[str, int]:
    found = output.stat()
    return {"bytes": found.st_size, "mtime_ns": found.st_mtime_ns}


def _stamp(film: Path) -> dict[str, int]:
    with reading():
        try:
            found = film.stat()
        except FileNotFoundError as error:
            raise MissingError(f"{film} is no longer there.", hint="Put it back and run again.") from error
    return {
        "bytes": found.st_size,
        "mtime_ns": found.st_mtime_ns,
        "ctime_ns": found.st_ctime_ns,
        "inode": found.st_ino,
    }
