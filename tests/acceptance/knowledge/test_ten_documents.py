"""Ten documents of ten formats: found, cited by the right page, indexed anew only where changed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from support import documents as make
from support.served import Served, served

from muxi.core.documents import Document
from muxi.core.events import Event, KnowledgeRecalled, RunCompleted
from muxi.core.requests import ModelRequest
from muxi.knowledge.indexing import Change

QUESTIONS = {
    "How many days of leave does an employee have in a year?": "handbook.pdf, p. 2",
    "Within how many days must the invoice be paid?": "contract.docx, “Payment”",
    "What is the budget for marketing?": "plan.pptx, p. 2",
    "What does a hinge cost?": "prices.xlsx, lines 2–3",
    "At which pressure does the pump run?": "pump.html, “Manual of the pump”",
    "How is the database restored from a snapshot?": "guide.md, line 7",
    "In which city does Kowalski live?": "people.csv, lines 2–3",
    "Which function computes the shipping fee?": "shop.py, lines 1–6",
    "Who won the chess tournament?": "news.txt, lines 1–3",
    "Which port does the gateway listen on?": "gateway.yaml, lines 1–2",
}


def fill(folder: Path) -> None:
    """Ten documents, each of which answers one of the questions."""
    pages = [
        "Welcome to our company.\nThe office opens at eight.",
        "Leave\nEvery employee has 27 days of leave in a year.",
        "Sickness\nTell your team before nine.",
    ]
    (folder / "handbook.pdf").write_bytes(make.pdf(pages))
    terms = [(1, "Contract"), (0, "Between Alder and Birch. " * 12)]
    terms += [(1, "Payment"), (0, "The invoice must be paid within 30 days. " * 3)]
    make.word(folder / "contract.docx", terms)
    slides = [("Goals", "Grow in the north", ""), ("Budget", "Marketing: 40,000 euros", "")]
    make.slides(folder / "plan.pptx", slides)
    rows = [["item", "cost in euros"], ["hinge", 4.5], ["latch", 7]]
    make.workbook(folder / "prices.xlsx", {"Ironmongery": rows})
    (folder / "pump.html").write_text(
        "<html><head><title>Manual of the pump</title></head><body><nav>Home</nav>"
        "<p>The pump runs at a pressure of 3 bar.</p></body></html>"
    )
    (folder / "guide.md").write_text(
        f"# Guide\n\n{'Make a snapshot each day. ' * 10}\n\n"
        "# Restoring\n\nThe database is restored from a snapshot by `restore`.\n"
    )
    (folder / "people.csv").write_text("name,city\nKowalski,Gdansk\nDupont,Lyon\n")
    (folder / "shop.py").write_text(
        'def shipping_fee(weight):\n    """The fee for shipping."""\n    if weight > 10:\n'
        "        return 9\n\n    return 4\n"
    )
    (folder / "news.txt").write_text("Local news\n\nMira Okafor won the chess tournament.\n")
    (folder / "gateway.yaml").write_text("gateway:\n  port: 7447\n")


def quote(request: ModelRequest) -> str:
    """A model that says the first passage that it was given, and cites it by its mark."""
    passages = re.findall(r"^(\[[^\]\n]+\])\n(.*?)(?=\n\n\[|\Z)", request.instructions, re.S | re.M)
    if not passages:
        return "I do not know."
    mark, text = passages[0]
    return f"{' '.join(text.split())} {mark}"


@pytest.fixture
async def muxi(tmp_path: Path) -> AsyncIterator[Served]:
    folder = tmp_path / "docs"
    folder.mkdir()
    fill(folder)
    async with served(tmp_path, quote, knowledge={"sources": ["docs"]}) as server:
        await server.runtime.knowledge.settled()
        yield server


async def _documents(muxi: Served) -> dict[str, Document]:
    (folder,) = (await muxi.client.knowledge.page()).items
    found = await muxi.client.knowledge.page(folder=folder.id)
    return {each.name: each for each in found.items}


def _recalled(events: Sequence[Event]) -> KnowledgeRecalled:
    (event,) = [each for each in events if isinstance(each, KnowledgeRecalled)]
    return event


async def test_each_question_is_answered_with_a_citation_to_the_right_place(muxi: Served) -> None:
    documents = await _documents(muxi)
    assert {each.status for each in documents.values()} == {"ready"}
    assert len(documents) == 10
    for question, label in QUESTIONS.items():
        _, events = await muxi.answer(question)
        assert isinstance(events[-1], RunCompleted)
        assert events[-1].text.endswith(f"[{label}]"), question
        first = _recalled(events).hits[0].citation
        assert first.label == label
        assert first.document_id == documents[first.name].id
    _, events = await muxi.answer("zzyzx?")
    told = [event for event in events if isinstance(event, KnowledgeRecalled)]
    assert all(len(event.hits) <= 2 for event in told)


async def test_when_one_file_changes_only_that_one_is_indexed_anew(
    muxi: Served, tmp_path: Path
) -> None:
    before = await _documents(muxi)
    changes: list[Change] = []
    seen = asyncio.Event()

    def told(change: Change) -> None:
        if change.added or change.removed:
            changes.append(change)
            seen.set()

    muxi.runtime.knowledge.keeper.told = told
    pages = [
        "Welcome to our company.\nThe office opens at eight.",
        "Leave\nEvery employee has 30 days of leave in a year.",
        "Sickness\nTell your team before nine.",
    ]
    (tmp_path / "docs" / "handbook.pdf").write_bytes(make.pdf(pages))
    async with asyncio.timeout(60):
        await seen.wait()
    await muxi.runtime.knowledge.settled()
    assert [(each.document.name, each.added, each.removed, each.kept) for each in changes] == [
        ("handbook.pdf", 1, 1, 2)
    ]
    after = await _documents(muxi)
    anew = {name for name in after if after[name].indexed_at != before[name].indexed_at}
    assert anew == {"handbook.pdf"}
    _, events = await muxi.answer("How many days of leave does an employee have?")
    assert isinstance(events[-1], RunCompleted)
    assert "30 days" in events[-1].text
    assert events[-1].text.endswith("[handbook.pdf, p. 2]")


@pytest.mark.ci
async def test_a_file_that_goes_is_found_no_more_and_a_new_one_is(
    muxi: Served, tmp_path: Path
) -> None:
    looked = asyncio.Queue[Change]()
    muxi.runtime.knowledge.keeper.told = looked.put_nowait
    (tmp_path / "docs" / "news.txt").rename(tmp_path / "docs" / "gazette.txt")
    async with asyncio.timeout(60):
        while (await looked.get()).document.name != "gazette.txt":
            pass
    await muxi.runtime.knowledge.settled()
    found = await muxi.client.knowledge.search("Who won the chess tournament?")
    assert [item.piece.citation.label for item in found.items][:1] == ["gazette.txt, lines 1–3"]
    assert "news.txt" not in await _documents(muxi)
