"""`dubber models …`: parses what a person typed, asks about licences, prints what came of it. Nothing else."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from dubber.told import STATUSES, Json, told

if TYPE_CHECKING:
    from dubber.models.licences import Terms
    from dubber.models.pulling import Plan

app = typer.Typer(
    help="The models of the studio profile: which there are, fetch them, check them, say where they lie.",
    epilog=STATUSES,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Name = Annotated[str | None, typer.Argument(help="A model.", show_default=False)]


@app.command("list", epilog=STATUSES)
def show(as_json: Json = False) -> None:
    """Every model: what for, how large, under which licence, whether it is here."""
    with told(as_json) as shown:
        from dubber import tables
        from dubber.models import catalogue, store

        found = [store.look(model) for model in catalogue.MODELS]
        shown["store"] = str(store.root())
        shown["models"] = [one.as_json() for one in found]
        if not as_json:
            tables.show_models(found)


@app.command(epilog=STATUSES)
def where(name: Name = None, as_json: Json = False) -> None:
    """The folder of all models, or of one. $DUBBER_MODELS names another."""
    with told(as_json) as shown:
        from dubber.models import catalogue, store

        folder = store.folder(catalogue.named(name)) if name else store.root()
        shown["folder"] = str(folder)
        if not as_json:
            sys.stdout.write(f"{folder}\n")


@app.command(epilog=STATUSES)
def pull(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME...", help="Models, or a profile (studio).", show_default=False),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every model there is.")] = False,
    accept: Annotated[
        list[str] | None,
        typer.Option(
            "--accept-licence",
            metavar="NAME",
            help="Say yes to the licences of this model without being asked.",
            show_default=False,
        ),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Compare a model that is here with its source, and mend it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Fetch models. Run it again after a stop: it goes on where it was."""
    with told(as_json) as shown:
        from dubber import progress
        from dubber.errors import UsageError
        from dubber.models import catalogue, licences, pulling, store

        if bool(names) == everything:
            raise UsageError(
                "Say which models to pull.", hint="`dubber models list` names them; --all takes all."
            )
        models = catalogue.MODELS if everything else catalogue.chosen(names or ())
        accepted = catalogue.chosen(accept or ())
        shown["pulled"] = []
        plans: list[Plan] = []
        for model in models:
            found = store.look(model)
            if found.state == "here" and not again:
                shown["pulled"].append({"model": model.name, "folder": str(found.folder), "fetched": 0})
                _say(as_json, f"{model.name} is here: {found.folder}")
                continue
            planned = pulling.plan(model)
            _say(as_json, planned.told())
            open_ = planned.terms
            if open_ and model not in accepted and not _agrees(open_, as_json):
                raise licences.refuse(open_)
            licences.agree(open_)
            plans.append(planned)
        for planned in plans:
            with progress.watcher(json=as_json) as watch:
                pulled = pulling.carry_out(planned, watch)
            shown["pulled"].append({**planned.as_json(), "fetched": pulled.fetched, "kept": pulled.kept})
            _say(as_json, f"{pulled.model.name} is here: {pulled.folder}")


@app.command(epilog=STATUSES)
def verify(
    name: Name = None,
    quick: Annotated[bool, typer.Option("--quick", help="Compare lengths only.")] = False,
    record: Annotated[
        bool, typer.Option("--record", help="Take a model brought by hand as right, and record it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare every file of a model (by default: of all that are here) with what was recorded of it."""
    with told(as_json) as shown:
        from dubber import progress
        from dubber.errors import UsageError
        from dubber.models import catalogue, store

        if record and (name is None or quick):
            raise UsageError("--record takes one model's name, and no --quick.")
        chosen = [catalogue.named(name)] if name else catalogue.MODELS
        models = [model for model in chosen if name or store.look(model).state != "missing"]
        shown["verified"] = []
        verdicts = []
        for model in models:
            if record:
                with progress.watcher(json=as_json) as watch, watch.stage(f"record {model.name}") as advance:
                    count = store.record_as_is(model, advance)
                _say(as_json, f"{model.name}: {count} files recorded as they are")
                continue
            with progress.watcher(json=as_json) as watch, watch.stage(f"verify {model.name}") as advance:
                verdict = store.verify(model, quick=quick, progress=advance)
            verdicts.append(verdict)
            shown["verified"].append(verdict.as_json())
            if not verdict.damaged:
                compared = "lengths" if quick else "bytes"
                _say(as_json, f"{model.name}: {verdict.files} files, {compared} as recorded")
        if not models:
            _say(as_json, f"No model is in {store.root()}.")
        store.check(verdicts)


def _agrees(terms: Sequence[Terms], as_json: bool) -> bool:
    """Shows each licence and asks; a no, and nobody there to ask, are False."""
    if as_json or not _somebody_is_there():
        return False
    for one in terms:
        text = "" if one.text is None else _harmless(one.text)
        sys.stdout.write(f"\n{text}\n" if text else "\nIts repository brings no licence text.\n")
        sys.stdout.write(f"{one.source.repo}: {one.licence.name}\n{one.licence.matters}\n")
        sys.stdout.write(f"Read it at {one.licence.url}\nDo you agree to it? [y/N] ")
        sys.stdout.flush()
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            return False
    return True


def _somebody_is_there() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _harmless(text: bytes) -> str:
    """A text from somewhere else without what a terminal would obey."""
    return "".join(one for one in text.decode("utf-8", "replace") if one.isprintable() or one in "\n\t")


def _say(as_json: bool, text: str) -> None:
    if not as_json:
        sys.stdout.write(f"{text}\n")
