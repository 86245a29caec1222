"""Glossaries: any table a person is likely to have is read, what contradicts itself is named by its line, and entries
are found quickly in the lines they occur in."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dubber.errors import UsageError
from dubber.stages.translate import glossary
from dubber.stages.translate.door import Term


def parsed(text: str, encoding: str = "utf-8") -> tuple[Term, ...]:
    return glossary.parse(text.encode(encoding), "names.csv")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("header", ["", "source{0}target{0}note\n", "Term{0}Translation\n"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_usual_table_is_read(delimiter: str, header: str, newline: str) -> None:
    text = (header + "wizard{0}mago{0}the old one\n\n# a remark\nThe Shire{0}La Comarca\n").format(delimiter)
    assert parsed(text.replace("\n", newline)) == (
        Term("wizard", "mago", "the old one"),
        Term("The Shire", "La Comarca"),
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_every_usual_encoding_is_read(encoding: str) -> None:
    rows = "wizard,maño\nbridge,señal de información\nyear,año próximo\n"
    assert [term.target for term in parsed(rows, encoding)] == ["maño", "señal de información", "año próximo"]


def test_quotes_hold_delimiters_quotes_and_line_breaks() -> None:
    assert parsed('"Smith, John","Juan ""el"" Smith"\n"#1","el\nnúmero uno"\n') == (
        Term("Smith, John", 'Juan "el" Smith'),
        Term("#1", "el número uno"),
    )


def test_a_source_alone_is_kept_as_it_is() -> None:
    assert parsed("Gandalf\nFrodo,\nSam,Sam\n") == (
        Term("Gandalf", "Gandalf"),
        Term("Frodo", "Frodo"),
        Term("Sam", "Sam"),
    )


def test_a_row_said_twice_counts_once() -> None:
    assert parsed("wizard,mago\nWizard,mago\n") == (Term("wizard", "mago"),)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a,b\n\n,c\n", "line 3"),
        ("a,b\n# remark\nc,d,e,f\n", "line 3"),
        ("wizard,mago\nelf,elfo\nWIZARD,brujo\n", "line 3"),
        ('a,b\nc,"d\n', "line 2"),
        ('a,b\n"c"x,d\n', "line 2"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_line(text: str, line: str) -> None:
    with pytest.raises(UsageError, match=line):
        parsed(text)


def test_what_is_no_glossary_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a text file"):
        glossary.parse(bytes(range(32)) * 50, "film.mp4")
    with pytest.raises(UsageError, match="larger than 1 MB"):
        glossary.parse(b"a,b\n" * (1 << 18) + b"c", "big.csv")
    with pytest.raises(UsageError, match="at most 10,000"):
        parsed("".join(f"word{n},palabra\n" for n in range(10_001)))
    with pytest.raises(UsageError, match="cannot be read"):
        glossary.read(tmp_path / "nowhere.csv")
    assert parsed("") == parsed("source,target\n") == ()


def test_a_file_is_read_as_its_bytes_are(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_bytes(b"wizard;mago\n")
    assert glossary.read(path) == (Term("wizard", "mago"),)


def test_entries_are_found_as_words_in_any_case_and_with_endings() -> None:
    terms = parsed("wizard,mago\nThe Shire,La Comarca\ncat,gato\nC3PO,C3PO\n魔法,magia\nO'Brien,O'Brien\n")

    def found(*texts: str) -> list[str]:
        return [term.source for term in glossary.Index(terms).relevant(texts)]

    assert found("Two WIZARDS left the shire.") == ["wizard", "The Shire"]
    assert found("The category of concatenation", "wizarding") == []
    assert found("A cat.", "c3po!", "彼は魔法使い", "Mr. O’Brien") == ["cat", "C3PO", "魔法", "O'Brien"]
    assert found() == found("") == []


@pytest.mark.parametrize(
    ("target", "wording", "obeyed"),
    [
        ("mago", "Los magos se van.", True),
        ("mago", "El brujo se va.", False),
        ("la Comarca", "Vuelvo a LA COMARCA.", True),
        ("Zauberer", "der Zauberermantel", True),
        ("волшебник", "с волшебником", True),
        ("魔法使い", "あの魔法使いだ", True),
        ("Álvaro", "alvaro", True),
    ],
)
def test_obedience_tolerates_case_accents_and_inflection(target: str, wording: str, obeyed: bool) -> None:
    assert glossary.obeyed(Term("x", target), wording) is obeyed


def test_ten_thousand_entries_are_found_in_two_thousand_lines_at_once() -> None:
    terms = [Term(f"wizard{n} of name{n}", f"mago{n}") for n in range(9_999)] + [Term("Shire", "Comarca")]
    lines = [
        f"I met wizard{n} of name{n} in the Shire, and wizards of all names besides." for n in range(2_000)
    ]
    begun = time.perf_counter()
    found = glossary.Index(terms).relevant(lines)
    assert len(found) == 2_001
    assert time.perf_counter() - begun < 5  # 0.5 s; looking for each entry in each line takes minutes
