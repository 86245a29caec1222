"""Models: fetched whole or not at all, resumed where they broke off, verified, under licences agreed to."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import hub as hub_module
import pytest
from hub import COMMIT, Hub, serving
from typer.testing import CliRunner, Result

from dubber import atomic, lock, models_cli
from dubber.cli import app
from dubber.errors import MissingError
from dubber.models import catalogue, download, pulling, store
from dubber.progress import Quiet

MODEL, LATER = catalogue.INDEXTTS2, catalogue.INDEXTTS25
GPT = "gpt.pth"
MIB = 1 << 20
LICENCE = b"You may.\x1b]0;hostile\x07 You may not.\n"
ACCEPT = ("--accept-licence", "indextts2")


def made_up(name: str, size: int) -> bytes:
    return random.Random(name).randbytes(size)


def released() -> dict[str, dict[str, bytes]]:
    """Every repository of the catalogue with files of its names, small; and files that nobody asks for."""
    repos = {
        source.repo: {name: made_up(source.repo + name, 100) for name in source.files}
        for model in catalogue.MODELS
        for source in model.sources
    }
    first = repos["IndexTeam/IndexTTS-2"]
    first[GPT] = made_up(GPT, 5 * MIB + 7)
    first |= {"qwen0.6bemo4-merge/model.safetensors": made_up("qwen", 9000), "LICENSE.txt": LICENCE}
    first |= {"README.md": b"read me", ".gitattributes": b""}
    repos["amphion/MaskGCT"]["s2a_model/model.safetensors"] = b"not ours"
    return repos


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    import huggingface_hub
    from huggingface_hub import constants

    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("DUBBER_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(download, "PAUSES_S", (0.0, 0.0))
    with serving(released()) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        huggingface_hub.close_session()  # proxies are read when a session begins
        yield hub
        huggingface_hub.close_session()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if (
        not sys.platform.startswith("linux")
        or subprocess.run(mount, capture_output=True, check=False).returncode
    ):
        pytest.skip("only root may mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def models(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["models", *(str(one) for one in arguments)], prog_name="dubber")


def pull(*options: object) -> Result:
    return models("pull", "indextts2", *ACCEPT, *options)


def state() -> str:
    return store.look(MODEL).state


def folder() -> Path:
    return store.folder(MODEL)


def everything(place: Path) -> dict[str, bytes]:
    return {
        path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()
    }


def refused(result: Result, status: int, *said: str) -> None:
    assert result.exit_code == status, result.output
    assert "Traceback" not in result.output
    for words in said:
        assert words in result.stderr


class StopsAt(Quiet):
    """A watcher in whose hands Ctrl-C is pressed once a share of a stage is done."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self._share = share

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[float], None]]:
        def advance(share: float) -> None:
            if share >= self._share:
                raise KeyboardInterrupt

        yield advance


def interrupt(share: float = 0.5) -> None:
    with pytest.raises(KeyboardInterrupt):
        pulling.carry_out(pulling.plan(MODEL), StopsAt(share))


# -- a whole pull ------------------------------------------------------------------------------------


def test_a_pull_lays_the_files_out_and_records_each_with_its_digest(hub: Hub) -> None:
    assert state() == "missing"
    done = pull()
    assert done.exit_code == 0, done.output
    here = everything(folder())
    assert (
        here["semantic_codec/model.safetensors"]
        == hub.repos["amphion/MaskGCT"]["semantic_codec/model.safetensors"]
    )
    assert here["bigvgan/config.json"] == hub.repos["nvidia/bigvgan_v2_22khz_80band_256x"]["config.json"]
    assert here["w2v-bert-2.0/config.json"] == hub.repos["facebook/w2v-bert-2.0"]["config.json"]
    assert here["qwen0.6bemo4-merge/model.safetensors"] == made_up("qwen", 9000)
    assert here["licences/IndexTeam--IndexTTS-2/LICENSE.txt"] == LICENCE
    record = json.loads(here.pop(store.RECORD))
    assert set(record["files"]) == set(here) - {pulling.LOCK}
    assert not any("README" in name or "s2a_model" in name for name in here)
    assert record["files"][GPT] == {"size": len(here[GPT]), "sha256": store.hash_file(folder() / GPT)}
    assert {source["commit"] for source in record["sources"]} == {COMMIT}
    assert state() == "here"
    assert store.require("indextts2", [GPT, "bpe.model"]) == folder()
    assert models("verify").exit_code == 0


def test_what_is_here_is_not_asked_for_again(hub: Hub) -> None:
    pull()
    hub.asked.clear()
    hub.repos.clear()
    done = pull("--json")
    assert json.loads(done.stdout)["pulled"][0]["fetched"] == 0
    assert hub.asked == []


def test_a_token_goes_to_the_hub_and_not_to_the_host_it_points_to(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    pull()
    tokens = {one.host.partition(":")[0]: one.token for one in hub.asked}
    assert tokens == {"127.0.0.1": "Bearer hf_secret", "localhost": None}


def pull_later(*options: object) -> Result:
    return models("pull", LATER.name, "--accept-licence", LATER.name, *options)


SEMANTIC = "w2v-bert-2.0/model.safetensors"
"""Where both releases of the voice have the same file of the same repository."""


def shared() -> list[str]:
    """Places of the files that both releases of the voice have of the same repositories."""
    return [source.place(name) for source in LATER.sources[1:] for name in source.files]


def test_what_two_models_share_is_fetched_once(hub: Hub) -> None:
    assert pull().exit_code == 0
    planned = pulling.plan(LATER)
    common = sum(item.remote.size for item in planned.items if item.place in shared())
    assert planned.missing == sum(item.remote.size for item in planned.items) - common
    before = {name: hub.sent(name) for name in ("model.safetensors", "bigvgan_generator.pt", "codec.pth")}
    assert pull_later().exit_code == 0
    first, second = everything(folder()), everything(store.folder(LATER))
    assert len(shared()) == 5
    assert all(first[name] == second[name] for name in shared())
    assert not any((folder() / name).samefile(store.folder(LATER) / name) for name in shared())
    assert hub.sent("model.safetensors") == before["model.safetensors"] > 0
    assert hub.sent("bigvgan_generator.pt") == before["bigvgan_generator.pt"]
    assert hub.sent("codec.pth") == before["codec.pth"] + len(second["codec.pth"])
    record = json.loads(second[store.RECORD])
    assert record["files"][SEMANTIC]["sha256"] == hashlib.sha256(first[SEMANTIC]).hexdigest()
    assert models("verify", LATER.name).exit_code == 0
    assert not (store.folder(LATER) / store.PARTIAL).exists()


def test_a_shared_file_that_is_damaged_is_not_taken_over(hub: Hub) -> None:
    assert pull().exit_code == 0
    right = (folder() / SEMANTIC).read_bytes()
    (folder() / SEMANTIC).write_bytes(bytes(len(right)))
    assert pull_later().exit_code == 0
    assert (store.folder(LATER) / SEMANTIC).read_bytes() == right
    assert (folder() / SEMANTIC).read_bytes() == bytes(len(right))


def test_a_shared_file_that_cannot_be_read_to_its_end_is_fetched(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(path: Path) -> Iterator[bytes]:
        yield path.read_bytes()[:10]

    assert pull().exit_code == 0
    monkeypatch.setattr(pulling, "_blocks", breaks)
    assert pull_later().exit_code == 0
    assert (store.folder(LATER) / SEMANTIC).read_bytes() == (folder() / SEMANTIC).read_bytes()


def test_a_file_that_is_gone_has_no_blocks(tmp_path: Path) -> None:
    assert list(pulling._blocks(tmp_path / "gone")) == []


@pytest.mark.parametrize("whole", [False, True])
def test_a_shared_file_behind_a_link_is_copied_as_a_file(hub: Hub, tmp_path: Path, whole: bool) -> None:
    """A store that was filled by hand out of a cache of the hub's."""
    assert pull().exit_code == 0
    cache = tmp_path / "cache"
    linked = folder() / ("w2v-bert-2.0" if whole else SEMANTIC)
    linked.rename(cache)
    linked.symlink_to(os.path.relpath(cache, linked.parent), target_is_directory=whole)
    assert pull_later().exit_code == 0
    copied = store.folder(LATER) / SEMANTIC
    assert copied.read_bytes() == (folder() / SEMANTIC).read_bytes()
    assert not copied.is_symlink() and not copied.parent.is_symlink()


def test_a_stop_while_a_shared_file_is_copied_costs_nothing(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stops(path: Path) -> Iterator[bytes]:
        yield path.read_bytes()[:10]
        raise KeyboardInterrupt

    assert pull().exit_code == 0
    with monkeypatch.context() as patch:
        patch.setattr(pulling, "_blocks", stops)
        with pytest.raises(KeyboardInterrupt):
            pulling.carry_out(pulling.plan(LATER), Quiet())
    assert store.look(LATER).state == "partly"
    assert pull_later().exit_code == 0
    assert everything(store.folder(LATER))[SEMANTIC] == everything(folder())[SEMANTIC]
    assert models("verify", LATER.name).exit_code == 0


def test_list_and_where_say_what_a_person_wants_to_know(hub: Hub) -> None:
    assert models("where").stdout.strip() == str(store.root())
    assert models("where", "indextts2").stdout.strip() == str(folder())
    refused(models("where", "nonesuch"), 2, "nonesuch", "indextts2")
    known = {one["name"]: one for one in json.loads(models("list", "--json").stdout)["models"]}
    one = known["indextts2"]
    assert {name for name, found in known.items() if found["profile"] == "studio"} == {
        *("whisper-large-v3", "htdemucs", "qwen3-1.7b", "indextts2"),
    }
    assert (one["name"], one["state"], one["profile"]) == ("indextts2", "missing", "studio")
    assert 7e9 < one["about_bytes"] < 10e9
    assert {licence["name"] for licence in one["licences"] if licence["asks"]} == {
        catalogue.BILIBILI.name,
        catalogue.CC_BY_NC.name,
        catalogue.FUNASR.name,
    }
    table = models("list").stdout
    assert "indextts2" in table
    assert "missing" in table
    assert catalogue.BILIBILI.name in table


def test_a_store_lies_where_the_person_or_the_platform_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DUBBER_MODELS", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert store.root() == tmp_path / "data/dubber/models"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert store.root() == tmp_path / ".local/share/dubber/models"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert store.root() == tmp_path / "Library/Application Support/dubber/models"
    monkeypatch.setenv("DUBBER_MODELS", "~/m")
    assert store.root() == tmp_path / "m"


# -- broken off and resumed --------------------------------------------------------------------------


def test_a_connection_that_breaks_is_taken_up_where_it_stopped(hub: Hub) -> None:
    hub.cuts[GPT] = [2 * MIB + 5, MIB]
    assert pull().exit_code == 0
    assert (folder() / GPT).read_bytes() == made_up(GPT, 5 * MIB + 7)
    first, second, third = [one for one in hub.asked if one.file == GPT]
    assert first.range is None
    # What lies between the last whole block and the break may be lost with the connection, and no more.
    assert hub.sent(GPT) <= 5 * MIB + 7 + 2 * download.BLOCK
    starts = [int(one.range.removeprefix("bytes=").rstrip("-")) for one in (second, third) if one.range]
    assert starts[0] >= 2 * MIB
    assert starts[1] >= 3 * MIB


def test_an_interrupted_pull_is_partly_here_and_goes_on_without_fetching_twice(hub: Hub) -> None:
    interrupt(0.5)
    assert state() == "partly"
    with pytest.raises(MissingError, match=r"lacks .*gpt\.pth"):
        store.require("indextts2", [GPT])
    kept = {path.name: path.stat().st_size for path in (folder() / store.PARTIAL).iterdir()}
    assert sum(kept.values()) >= 2 * MIB
    hub.asked.clear()
    assert pull().exit_code == 0
    (again,) = [one for one in hub.asked if one.file == GPT]
    assert again.range == f"bytes={sum(kept.values())}-"
    assert again.sent == 5 * MIB + 7 - sum(kept.values())
    assert models("verify").exit_code == 0
    assert not (folder() / store.PARTIAL).exists()


def test_all_files_without_the_record_are_not_taken_for_a_whole_model(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(store, "write_record", killed)
        assert pull().exit_code == 130
    assert all((folder() / name).is_file() for name in MODEL.files)
    assert state() == "partly"
    with pytest.raises(MissingError, match="only partly fetched"):
        store.require("indextts2")
    hub.asked.clear()
    assert pull().exit_code == 0
    assert [one.file for one in hub.asked if one.file != "LICENSE.txt"] == []
    assert state() == "here"


def test_a_server_without_ranges_starts_the_file_over(hub: Hub) -> None:
    interrupt(0.5)
    hub.deaf = True
    assert pull().exit_code == 0
    assert models("verify").exit_code == 0


def test_a_server_without_ranges_that_breaks_off_is_given_up(hub: Hub) -> None:
    hub.deaf = True
    hub.cuts[GPT] = [2 * MIB] * 20
    refused(pull(), 4, "gpt.pth of IndexTeam/IndexTTS-2 broke off")
    assert len([one for one in hub.asked if one.file == GPT]) == 2 + len(download.PAUSES_S)


def test_a_hub_that_keeps_breaking_off_is_told_and_what_came_is_kept(hub: Hub) -> None:
    hub.cuts[GPT] = [2 * MIB, 0, 0, 0]
    refused(pull(), 4, "gpt.pth of IndexTeam/IndexTTS-2 broke off", "run the same command again")
    hub.asked.clear()
    assert pull().exit_code == 0
    assert [one.range for one in hub.asked if one.file == GPT] == [f"bytes={2 * MIB}-"]


# -- what must not come in ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", [GPT, "config.yaml"])
def test_wrong_bytes_are_refused_and_nothing_of_them_stays(hub: Hub, name: str) -> None:
    hub.wrong.add(name)
    refused(pull(), 4, name, "other bytes than the hub promised")
    assert not (folder() / name).exists()
    assert state() == "partly"
    hub.wrong.clear()
    assert pull().exit_code == 0
    assert models("verify").exit_code == 0


def test_a_file_that_is_listed_and_not_there_is_named(hub: Hub) -> None:
    hub.gone.add("s2mel.pth")
    refused(pull(), 4, "s2mel.pth of IndexTeam/IndexTTS-2 is not at")


def test_a_file_that_is_not_listed_is_named_before_anything_is_fetched(hub: Hub) -> None:
    del hub.repos["funasr/campplus"]["campplus_cn_common.bin"]
    refused(pull(), 4, "funasr/campplus has no file campplus_cn_common.bin")
    assert {one.file for one in hub.asked} <= {"LICENSE.txt"}


@pytest.mark.parametrize("kind", ["lfs", "blobId"])
@pytest.mark.parametrize("digest", ["../../../victim", "A" * 64, "0" * 63, "0" * 41 + "/"])
def test_a_digest_that_is_none_names_no_file(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, digest: str
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    real = hub_module.large

    def hostile(data: bytes) -> dict[str, object]:
        told = real(data)
        if kind == "blobId":
            return {**told, "blobId": digest}
        return {"lfs": {"sha256": digest, "size": len(data), "pointerSize": 130}}

    monkeypatch.setattr(hub_module, "large", hostile)
    refused(pull(), 4, "digest that is none")
    assert victim.read_text() == "precious"


def test_a_name_that_leads_out_of_the_folder_is_refused(hub: Hub, tmp_path: Path) -> None:
    hub.repos["IndexTeam/IndexTTS-2"]["qwen0.6bemo4-merge/../../../escaped"] = b"x"
    refused(pull(), 4, "leads out of its folder")
    assert not (tmp_path / "escaped").exists()


def test_a_repository_or_hub_that_is_not_there_is_told(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    del hub.repos["funasr/campplus"]
    refused(pull(), 4, "funasr/campplus is not at")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    refused(pull(), 4, "out of reach", "HF_ENDPOINT")


def test_a_disk_too_small_is_told_in_bytes_before_anything_is_fetched(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(atomic, "free_space", lambda _: 1000)
    refused(pull(), 5, "Pulling indextts2 needs 6.", "1.0 kB (1,000 bytes) are free")
    assert {one.file for one in hub.asked} <= {"LICENSE.txt"}
    assert not store.root().exists()


def test_a_disk_that_fills_up_on_the_way_is_told_and_what_came_is_kept(
    hub: Hub, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUBBER_MODELS", str(small_disk))
    with monkeypatch.context() as patched:  # room that somebody else takes while the file arrives
        patched.setattr(atomic, "free_space", lambda _: 10**9)
        refused(pull(), 5, "the disk is full", "it needs 5.2 MB (5,242,887 bytes)")
    assert state() == "partly"
    grown = ["mount", "-o", "remount,size=16m", str(small_disk)]
    subprocess.run(grown, check=True)
    hub.asked.clear()
    assert pull().exit_code == 0
    assert 0 < hub.sent(GPT) < 3 * MIB
    assert models("verify").exit_code == 0


def test_two_pulls_of_one_model_do_not_meet(hub: Hub) -> None:
    folder().mkdir(parents=True)
    with lock.held(folder() / pulling.LOCK):
        refused(pull(), 6, "in use")
    assert pull().exit_code == 0


def test_offline_is_offline(hub: Hub) -> None:
    command = [sys.executable, "-m", "dubber", "models", "pull", "indextts2", *ACCEPT]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert "HF_HUB_OFFLINE forbids the network" in done.stderr
    assert hub.asked == []


def test_a_profile_stands_for_all_models_that_it_needs(hub: Hub) -> None:
    hub.repos["Qwen/Qwen3-1.7B"]["model-00001-of-00001.safetensors"] = made_up("weights", 500)
    hub.repos["Systran/faster-whisper-large-v3"]["vocabulary.json"] = made_up("words", 50)
    assert models("pull", "studio", *ACCEPT).exit_code == 0
    here = {path.name for path in store.root().iterdir() if path.is_dir()}
    assert here == {"whisper-large-v3", "htdemucs", "qwen3-1.7b", "indextts2"}
    assert (store.root() / "qwen3-1.7b" / "model-00001-of-00001.safetensors").is_file()
    assert (store.root() / "whisper-large-v3" / "vocabulary.json").is_file()


# -- licences ----------------------------------------------------------------------------------------


def test_without_a_yes_nothing_but_the_licence_is_fetched(hub: Hub) -> None:
    refused(models("pull", "studio"), 2, catalogue.BILIBILI.name, catalogue.CC_BY_NC.name, "--accept-licence")
    assert {one.file for one in hub.asked} == {"LICENSE.txt"}
    assert not store.root().exists()


@pytest.mark.parametrize(("answers", "status"), [("y\nyes\nY\n", 0), ("y\n\n", 2), ("", 2)])
def test_a_person_is_shown_each_licence_and_asked(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, answers: str, status: int
) -> None:
    monkeypatch.setattr(models_cli, "_somebody_is_there", lambda: True)
    result = CliRunner().invoke(app, ["models", "pull", "indextts2"], input=answers)
    assert result.exit_code == status, result.output
    assert "You may not." in result.stdout
    assert "\x1b" not in result.stdout
    assert catalogue.BILIBILI.url in result.stdout
    assert state() == ("here" if status == 0 else "missing")


def test_a_yes_is_recorded_with_its_text_and_lasts_until_the_text_changes(hub: Hub) -> None:
    pull()
    agreed = json.loads((store.root() / "licences.json").read_text())["agreed"]
    assert [one["licence"] for one in agreed] == [
        catalogue.BILIBILI.name,
        catalogue.CC_BY_NC.name,
        catalogue.FUNASR.name,
    ]
    assert agreed[0]["date"]
    assert agreed[0]["commit"] == COMMIT
    licence = folder() / "licences/IndexTeam--IndexTTS-2/LICENSE.txt"
    assert agreed[0]["sha256"] == store.hash_file(licence)
    assert models("pull", "indextts2", "--again").exit_code == 0
    hub.repos["IndexTeam/IndexTTS-2"]["LICENSE.txt"] = b"You may no longer."
    refused(models("pull", "indextts2", "--again"), 2, catalogue.BILIBILI.name)


# -- verify ------------------------------------------------------------------------------------------


def test_verify_names_a_file_with_one_flipped_bit_and_a_pull_mends_it(hub: Hub) -> None:
    pull()
    path = folder() / GPT
    data = bytearray(path.read_bytes())
    data[MIB] ^= 1
    path.write_bytes(data)
    assert models("verify", "indextts2", "--quick").exit_code == 0
    refused(models("verify", "indextts2"), 4, "gpt.pth holds other bytes", "pull indextts2 --again")
    hub.asked.clear()
    assert models("pull", "indextts2", "--again").exit_code == 0
    assert {one.file for one in hub.asked} - {"LICENSE.txt"} == {GPT}
    assert models("verify").exit_code == 0


def test_verify_names_what_is_shorter_or_gone(hub: Hub) -> None:
    pull()
    (folder() / "bpe.model").write_bytes(b"short")
    (folder() / "feat1.pt").unlink()
    done = models("verify", "--quick", "--json")
    told = json.loads(done.stdout)
    assert done.exit_code == 4
    assert set(told["verified"][0]["damaged"]) == {"bpe.model", "feat1.pt"}
    assert state() == "partly"
    with pytest.raises(MissingError, match=r"feat1\.pt") as caught:
        store.require("indextts2")
    assert caught.value.hint == "Bring it with `dubber models pull indextts2`."


def test_a_folder_filled_by_hand_counts_and_can_be_recorded(hub: Hub) -> None:
    for source in MODEL.sources:
        for name in source.files:
            path = folder() / source.place(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(hub.repos[source.repo][name])
    (folder() / "notes.txt").write_text("mine")
    assert store.require("indextts2") == folder()
    assert state() == "here"
    refused(models("verify"), 4, "no record", "--record")
    assert models("verify", "indextts2", "--record").exit_code == 0
    assert "notes.txt" not in json.loads((folder() / store.RECORD).read_text())["files"]
    assert models("verify").exit_code == 0
    refused(models("verify", "indextts2", "--record"), 2, "already")
    (folder() / GPT).write_bytes(b"other")
    refused(models("verify"), 4, "gpt.pth is 5 bytes long")
    assert hub.asked == []


def test_a_damaged_record_is_told(hub: Hub) -> None:
    folder().mkdir(parents=True)
    (folder() / store.RECORD).write_text('{"schema": 99}')
    refused(models("list"), 4, store.RECORD, "Delete it")


@pytest.mark.parametrize("arguments", [("pull",), ("pull", "indextts2", "--all"), ("verify", "--record")])
def test_commands_that_name_too_little_or_too_much_are_usage_errors(
    hub: Hub, arguments: tuple[str, ...]
) -> None:
    refused(models(*arguments), 2)
