"""What the tests of the way to publication share: the application over a home of its own, people, a plan, and the gate in this process."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pytest
from docx import Document as Word
from fastapi import FastAPI
from fastapi.testclient import TestClient
from fpdf import FPDF
from house_fakes import Clock, settings_of
from httpx import Response

from bot.api import build_app
from bot.gateway import Gateway
from bot.publication import publisher
from bot.publication.apart import do
from bot.publication.gold import shipped_questions
from bot.publication.publisher import Publisher
from bot.services import Services
from bot.staff.passwords import Passwords
from index import snapshot
from knowledge.store import Actor, CaseJournal, Store
from knowledge.store.drafts import Work
from tools.plan_maker import FONTS

PASSWORD = "mèo con ngủ trưa"
HERE = "/can-bo/tai-lieu"
QUESTION = "Lào Cai có mấy nhà tạm lánh cho phụ nữ?"
EVIDENCE = "07 nhà tạm lánh"
PLAN = """ỦY BAN NHÂN DÂN
TỈNH LÀO CAI
-------
CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM
Độc lập - Tự do - Hạnh phúc
---------------
Số: 91/KH-UBND
Lào Cai, ngày 12 tháng 3 năm 2026
KẾ HOẠCH
Phát triển nhà tạm lánh cho phụ nữ và trẻ em giai đoạn 2026 - 2030
Căn cứ Quyết định số 565/QĐ-TTg ngày 25 tháng 4 năm 2017 của Thủ tướng Chính phủ; Ủy ban nhân dân tỉnh ban hành Kế hoạch như sau:
I. MỤC TIÊU
1. Đến năm 2030, toàn tỉnh Lào Cai có 07 nhà tạm lánh cho phụ nữ và trẻ em bị bạo lực gia đình.
2. 100% phụ nữ bị bạo lực gia đình được tư vấn pháp lý miễn phí.
II. TỔ CHỨC THỰC HIỆN
1. Hội Liên hiệp Phụ nữ tỉnh quản lý các nhà tạm lánh.
2. Sở Y tế bảo đảm khám, chữa bệnh cho người tạm lánh.
Nơi nhận:
- Lưu: VT.
TM. ỦY BAN NHÂN DÂN
CHỦ TỊCH
Nguyễn Thị Mai
"""


def docx(text: str = PLAN) -> bytes:
    """A Word file with a paragraph a line."""
    word, buffer = Word(), io.BytesIO()
    for line in text.splitlines():
        word.add_paragraph(line)
    word.save(buffer)
    return buffer.getvalue()


@cache
def _hashed() -> str:
    return Passwords.load().hash_now(PASSWORD)


@contextmanager
def services_on(opened: Services, home: Path, clock: Clock) -> Iterator[Services]:
    """The services on another home, with the tables that are read already. The encoder stays as it is, although one plan more is a great
    change among five: that it is made anew then costs a second each time, and is looked at elsewhere."""
    settings = settings_of(home)
    store = Store.open(settings.database_url, clock)
    base = replace(opened.knowledge_base, store=store, home=home, database_url=settings.database_url, clock=clock, _known={})
    journal = CaseJournal(home / "cases.journal", clock=clock)
    services = replace(
        opened, settings=settings, clock=clock, store=store, journal=journal, knowledge_base=base, _answerer=None, _tried=None
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(snapshot, "DRIFT", 1.0)
        yield services
    services.close()


def scan(text: str = PLAN) -> bytes:
    """A PDF that holds nothing but the picture of a printed page."""
    sheet = FPDF(format="A4")
    sheet.set_margins(30, 20, 20)
    sheet.add_font("serif", "", FONTS / "TroGiupSerif-Regular.ttf")
    sheet.set_font("serif", "", 13)
    sheet.add_page()
    for line in text.splitlines():
        sheet.multi_cell(0, 7.5, line, align="L", new_x="LMARGIN", new_y="NEXT")
    made = io.BytesIO()
    with pdfium.PdfDocument(bytes(sheet.output())) as file:
        file[0].render(scale=200 / 72, grayscale=True).to_pil().save(made, "PDF", resolution=200, quality=80)
    return made.getvalue()


@dataclass
class Office:
    """The application and what works behind it; `worker` does its heavy part in this process."""

    services: Services
    worker: Publisher

    @classmethod
    def of(cls, services: Services) -> Office:
        def here(*asked: Any) -> list[dict[str, Any]]:
            return do(services, *asked)

        def swapped() -> None:
            """As when nobody has asked yet: the first question opens what is in use then."""
            if services._tried is not None:
                services.refresh()

        worker = replace(services.publisher(), apart=here, swapped=swapped)
        some = [row for row in shipped_questions() if row[0].endswith("-01")]  # the others cost seconds and show no more
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(publisher, "shipped_questions", lambda: some)
            worker.start()
        return cls(services, worker)

    @cached_property
    def app(self) -> FastAPI:
        """The application."""
        return build_app(self.services, Gateway(self.services.gateway_parts(), None), lambda: {"rasa": "off"})

    def add(self, username: str, *roles: str) -> str:
        """Somebody with PASSWORD, under "Nguyễn …"; the account's id."""
        accounts, by, hashed = self.services.store.accounts, Actor(), _hashed()
        account = accounts.add(username, f"Nguyễn {username.title()}", roles, hashed, by=by)
        accounts.set_password(account.account_id, hashed, must_change=False, by=by)
        return account.account_id

    def browser(self, username: str) -> Browser:
        """Somebody signed in."""
        client = TestClient(self.app, headers={"Accept": "text/html"}, follow_redirects=False)
        page = client.get("/dang-nhap").text
        sent = {"csrf": found[1]} if (found := re.search(r'name="csrf" value="([^"]*)"', page.partition("</header>")[2])) else {}
        assert client.post("/dang-nhap", data={**sent, "username": username, "password": PASSWORD}).status_code == 303
        return Browser(client)

    def work_off(self) -> None:
        """Every job that waits."""
        while self.worker.step():
            pass

    def upload(self, browser: Browser, content: bytes, name: str = "ke-hoach.docx") -> str:
        """A file becomes a draft; the path of its page."""
        assert browser.upload((name, content)).headers["location"] == f"{HERE}?xong=uploaded"
        self.work_off()
        taken = self.services.store.jobs.recent()[0].result["taken"][0]
        return f"{HERE}/{taken['document_id']}/{taken['version']}"

    def work(self, path: str) -> Work:
        """The work on the version of a page."""
        document_id, version = path.removeprefix(f"{HERE}/").split("/")
        return self.services.knowledge_base.work(document_id, int(version))


@dataclass
class Browser:
    """Somebody's browser, signed in."""

    client: TestClient

    def get(self, path: str) -> str:
        response = self.client.get(path)
        assert response.status_code == 200, (path, response.status_code)
        return response.text

    def csrf(self) -> str:
        found = re.search(r'name="csrf" value="([^"]*)"', self.get(HERE))
        assert found
        return found[1]

    def send(self, page: str, action: str, **fields: Any) -> Response:
        """A form of a page, with the revision that the page shows."""
        shown = re.search(r'name="revision" value="(\d+)"', self.client.get(page).text)
        hidden = {"csrf": self.csrf()} | ({"revision": shown[1]} if shown else {})
        return self.client.post(f"{page}/{action}", data=hidden | fields)

    def fields(self, page: str, **changed: str) -> dict[str, str]:
        """The metadata form as it stands, with some fields changed."""
        text = self.get(page)
        values = dict(re.findall(r'<input id="f-(\w+)" [^>]*?value="([^"]*)"', text))
        values |= dict(re.findall(r'<textarea id="f-(\w+)"[^>]*>([^<]*)</textarea>', text))
        return values | changed

    def upload(self, *files: tuple[str, bytes]) -> Response:
        return self.client.post(HERE, data={"csrf": self.csrf()}, files=[("tep", file) for file in files])


def said(response: Response) -> str:
    """The error that a page shows."""
    found = re.search(r'role="alert">([^<]*)<', response.text)
    return found[1] if found else ""
