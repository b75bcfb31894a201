"""A small application with the pages for those who keep the directory, questions and reports, and people who are signed in."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response
from people_house import QUICK, PeopleHouse

from actions.model import Answer
from bot.directory.keeper import DirectoryKeeper
from bot.directory.pages import DirectoryPages, build_directory
from bot.directory.trying import Trying
from bot.lookup.finding import load_topics
from bot.questions.overview import Questions
from bot.questions.pages import QuestionPages, build_questions
from bot.reports.counting import Counting
from bot.reports.pages import ReportPages, build_reports
from bot.staff.install import install_staff
from bot.staff.passwords import Passwords
from bot.web.pages import mount_static
from bot.web.security import security_headers
from index.lexicon import Lexicon
from knowledge.directory_entries import Merged
from knowledge.errors import IndexFault
from knowledge.model import Document
from knowledge.places import Gazetteer
from knowledge.store import NewCase, Store

HERE = "/can-bo/danh-ba"


@dataclass
class KeepingHouse(PeopleHouse):
    """The application, and what its pages are made of."""

    keeper: DirectoryKeeper
    counting: Counting
    questions: Questions
    documents: list[Document]
    """The published ones; without any there is no index."""
    messages: int = 0

    def asks(
        self, text: str, kind: str = "answer", /, *, who: str = "web:1", channel: str = "web", danger: bool = False, **answer: Any
    ) -> str:
        """Somebody writes and is answered; the message's id. `danger`: a case is opened."""
        self.messages += 1
        message_id = f"m{self.messages}"
        case = NewCase("domestic_violence", 4, "danger") if danger else None
        self.store.conversations.accept(who, message_id, text, self.clock(), channel, case)
        if kind:
            said = json.dumps({"kind": kind, "text": "…", **answer}, ensure_ascii=False)
            self.store.conversations.finish(who, message_id, said, None)
        return message_id

    def browser(self, *roles: str) -> TestClient:
        """The browser of somebody who is signed in with these roles."""
        return self.browser_of(self.add(f"{'-'.join(roles) or 'nobody'}-{secrets.token_hex(2)}", *roles))


@cache
def lexicon() -> Lexicon:
    return Lexicon.load()


def make_keeping(store: Store, clock: Any, gazetteer: Gazetteer) -> KeepingHouse:
    app = FastAPI()
    app.add_middleware(security_headers)
    staff = install_staff(app, store, clock, Passwords.load(QUICK), refusal_s=0)
    mount_static(app)
    keeper = DirectoryKeeper.load(store, gazetteer)
    documents: list[Document] = []

    def asker(merged: Merged) -> Callable[[str], Answer]:
        """Says who has the task, and which province it is, of the tables."""
        if not documents:
            raise IndexFault("no snapshot")
        now = {place.name: place.now for place in merged.places}
        bodies = {row.task: row.now for row in merged.successions}
        said = {task: f"Việc {task} do {body} đảm nhiệm." for task, body in bodies.items()}
        return lambda question: Answer("answer", now.get(question) or f"Về {question}:", notices=(said.get(question, ""),))

    trying = Trying(asker, lambda: [row.question for row in store.questions.gold()])
    app.include_router(build_directory(DirectoryPages(staff, keeper, [place.name for place in gazetteer.places], trying)))
    counting = Counting(store, load_topics(), gazetteer, clock)
    app.include_router(build_reports(ReportPages(staff, counting)))

    def answer(text: str) -> Answer:
        if not documents:
            raise IndexFault("no snapshot")
        return Answer("abstain", f"Chưa có trong tài liệu: {text}")

    questions = Questions.of(store, lexicon(), gazetteer, clock)
    provinces = [place.name for place in gazetteer.places]
    app.include_router(build_questions(QuestionPages(staff, questions, answer, lambda: documents, provinces)))
    return KeepingHouse(app, store, clock, keeper, counting, questions, documents)


def filled(page: str, action: str) -> dict[str, Any]:
    """The fields of the page's form that goes to `action`, as a browser would send them."""
    form = next(found for found in re.findall(r"<form[^>]*>.*?</form>", page, flags=re.S) if f'action="{action}"' in found)
    fields: dict[str, Any] = {}
    for tag in re.findall(r"<input [^>]*>", form):
        said = dict(re.findall(r'(\w[\w-]*)="([^"]*)"', tag))
        if said.get("type") == "checkbox":
            if " checked" in tag:
                fields.setdefault(said["name"], []).append(said["value"])
        elif "name" in said:
            fields[said["name"]] = _plain(said.get("value", ""))
    fields |= {name: _plain(text) for name, text in re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>(.*?)</textarea>', form, flags=re.S)}
    for name, options in re.findall(r'<select[^>]* name="(\w+)"[^>]*>(.*?)</select>', form, flags=re.S):
        chosen = re.search(r"<option(?: value=\"([^\"]*)\")? selected>([^<]*)", options)
        fields[name] = _plain(chosen[1] if chosen[1] is not None else chosen[2]) if chosen else ""
    return fields


def send(client: TestClient, page: str, action: str | None = None, **fields: Any) -> Response:
    """Fills in a form of a page (by default the one that goes back to it) and sends it."""
    action = action or page
    return client.post(action, data=filled(client.get(page).text, action) | fields)


def _plain(text: str) -> str:
    for code, char in (("&#34;", '"'), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(code, char)
    return text
