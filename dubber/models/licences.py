"""What a person agreed to: licence texts as they came with a model, and the record of each yes. Asks nobody itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from dubber import atomic
from dubber.errors import UsageError
from dubber.models import download, store
from dubber.models.catalogue import Licence, Model, Source
from dubber.models.download import Remote

AGREED = "licences.json"
"""In the store's root: every yes, with its date and the text that it was given to."""


@dataclass(frozen=True)
class Terms:
    """A licence that has to be agreed to, for one source, with the text that its repository brings (or None)."""

    model: Model
    source: Source
    commit: str
    remote: Remote | None
    text: bytes | None

    @property
    def licence(self) -> Licence:
        """The licence itself."""
        return self.source.licence

    @property
    def digest(self) -> str | None:
        """sha256 of the text."""
        return None if self.text is None else sha256(self.text).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """Plain data: the record of a yes, but for its date."""
        return {
            "model": self.model.name,
            "licence": self.licence.name,
            "url": self.licence.url,
            "repo": self.source.repo,
            "commit": self.commit,
            "text": self.remote.name if self.remote else None,
            "sha256": self.digest,
        }


def text_of(source: Source, files: dict[str, Remote]) -> Remote | None:
    """The file of a repository that holds its licence, where it brings one."""
    return next((files[name] for name in source.licence.texts if name in files), None)


def open_terms(model: Model, source: Source, files: dict[str, Remote]) -> Terms | None:
    """What has still to be agreed to before anything of `source` is fetched; None where there is nothing.

    Fetches the licence's text, and nothing else. Raises FetchError.
    """
    if not source.licence.asks:
        return None
    remote = text_of(source, files)
    commit = next(iter(files.values())).commit if files else source.revision
    terms = Terms(model, source, commit, remote, download.text(remote) if remote else None)
    agreed = any(
        (one.get("licence"), one.get("repo"), one.get("sha256"))
        == (terms.licence.name, source.repo, terms.digest)
        for one in _agreed()
    )
    return None if agreed else terms


def refuse(open_: Sequence[Terms]) -> UsageError:
    """The error for licences that nobody agreed to."""
    model = open_[0].model.name
    names = "; ".join(dict.fromkeys(f"{one.licence.name} ({one.licence.url})" for one in open_))
    return UsageError(
        f"{model} may be used only under its licences, and nobody agreed to them: {names}.",
        hint=f"Read them, then run `dubber models pull {model} --accept-licence {model}`.",
    )


def agree(open_: Sequence[Terms]) -> None:
    """Records a yes to each, with this moment. Raises SpaceError."""
    if not open_:
        return
    root = store.root()
    with atomic.writing(root):
        root.mkdir(parents=True, exist_ok=True)
    fresh = [{**terms.as_json(), "date": store.now()} for terms in open_]
    atomic.write_json(root / AGREED, {"agreed": [*_agreed(), *fresh]})


def _agreed() -> list[dict[str, Any]]:
    """Every yes so far; a file that cannot be read counts as none, so that a person is asked again."""
    try:
        agreed = json.loads((store.root() / AGREED).read_text("utf-8"))["agreed"]
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return []
    return [one for one in agreed if isinstance(one, dict)] if isinstance(agreed, list) else []
