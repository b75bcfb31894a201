"""A small application around the pages: a conversation and a library that need no index, and the messages API beside them."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from bot.web.pages import build_pages, install_error_pages, mount_static
from bot.web.security import security_headers
from knowledge.errors import RequestRefused, UnknownDocument
from knowledge.model import Document, Hotline, Metadata, Section, Span, Status

SOURCE = Path(__file__).parents[2] / "knowledge" / "sources" / "004_4c4afa931b7ad079.txt"
QUOTE = "Phát triển số lượng cơ sở trợ giúp xã hội ngoài công lập thêm 03 cơ sở, nâng tổng số lên 16 cơ sở;"


def hotline(phone: str, name: str) -> Hotline:
    return Hotline(name, phone, "24/7", "24/7", "miễn phí", (), "toàn quốc", "thử", None)


EMERGENCY = (
    hotline("111", "Tổng đài điện thoại quốc gia bảo vệ trẻ em"),
    hotline("113", "Công an"),
    hotline("115", "Cấp cứu y tế"),
    hotline("114", "Cứu hỏa, cứu nạn cứu hộ"),
)


def plan() -> Document:
    """Đồng Nai's plan as it lies in the sources, its # lines taken for headings."""
    text = unicodedata.normalize("NFC", SOURCE.read_text(encoding="utf-8"))
    sections: list[Section] = []
    for found in re.finditer(r"^(#+) \**(.+?)\**$", text, re.MULTILINE):
        heading = Span(*found.span(2))
        sections.append(Section(found[2], len(found[1]) - 1, heading, heading, (found[2],)))
    about = Metadata(
        kind="Kế hoạch",
        number="2735/KH-UBND",
        title="Thực hiện chương trình mục tiêu phát triển hệ thống trợ giúp xã hội giai đoạn 2018 - 2020 trên địa bàn tỉnh",
        issuer="Ủy ban nhân dân tỉnh Đồng Nai",
        province="Đồng Nai",
        issued_on=date(2018, 3, 22),
        signer=None,
        valid_from=date(2018, 1, 1),
        valid_to=date(2020, 12, 31),
        outlook_to=None,
        based_on=("565/QĐ-TTg",),
        reports_on=None,
    )
    return Document("d735", SOURCE.name, text, about, tuple(sections), ocr=True)


def hostile() -> Document:
    """Markup wherever a document can carry words."""
    text = "# <script>alert(1)</script>\n\n<img src=x onerror=alert(2)> & cuối"
    about = Metadata(None, "<b>1/KH</b>", "<script>alert(3)</script>", "<i>x</i>", None, None, "<u>y</u>", None, None, None, ("<s>",), None)
    heading = Span(2, text.index("\n"))
    return Document("<x>", "x.txt", text, about, (Section("<script>", 1, Span(0, len(text)), heading, ("<script>",)),))


class FakeLibrary:
    """Two documents: a real plan and a hostile one."""

    def __init__(self) -> None:
        self.held = {document.document_id: document for document in (plan(), hostile())}

    def document(self, document_id: str) -> Document:
        if document_id not in self.held:
            raise UnknownDocument("Không có tài liệu này.", document_id=document_id)
        return self.held[document_id]

    def documents(self) -> list[Document]:
        return list(self.held.values())

    def notices(self, document_id: str) -> list[str]:
        if document_id != "d735":
            return []
        return [
            "Kế hoạch này đặt ra cho giai đoạn 2018–2020, đã kết thúc.",
            "Từ 1/3/2025, việc bảo trợ xã hội do Sở Y tế đảm nhiệm; bạn nên hỏi lại UBND xã, phường nơi ở.",
        ]

    def status(self, document_id: str) -> Status:
        return "ended" if document_id == "d735" else "unknown"


class FakeConversation:
    """Answers by a word of the question; keeps what it was asked; the same message id gives the same answer once more."""

    def __init__(self, library: FakeLibrary) -> None:
        self.library = library
        self.asked: list[tuple[str, str, str | None]] = []
        self.failing: Exception | None = None

    async def reply(self, *, conversation_id: str, text: str, message_id: str | None) -> dict[str, Any]:
        if self.failing:
            raise self.failing
        if not text.strip():
            raise RequestRefused("Bạn chưa viết câu hỏi. Bạn viết giúp một câu nhé.", field="text")
        if len(text) > 4000:
            raise RequestRefused("Câu hỏi dài quá, nhiều nhất 4.000 ký tự.", field="text")
        self.asked.append((conversation_id, text, message_id))
        return self._answer(text) | {"conversation_id": conversation_id, "message_id": message_id or "m"}

    def _answer(self, text: str) -> dict[str, Any]:
        if "đánh" in text:
            return answer(
                "urgent",
                "Nếu đang bị đánh hoặc bị đe dọa, bạn gọi ngay 113. Bị thương thì gọi 115. "
                "Bạn tìm chỗ an toàn trước đã, chưa cần kể thêm gì.\n"
                "Đã báo cho người trực; bạn có thể viết tiếp ở đây khi thấy an toàn.",
                hotlines=[
                    line("113", "Công an", True),
                    line("115", "Cấp cứu y tế", True),
                    line("1900 969 680", "Đường dây nóng Ngôi nhà bình yên", None, ""),
                    line("096 306 1414", "Đường dây nóng Ngày mai", False, "Thứ Tư đến Chủ nhật, 13:00–20:30"),
                ],
                case_id="TG-2026-0042",
            )
        if "hộ chiếu" in text:
            return answer(
                "abstain",
                "Trong các kế hoạch hiện có không nói đến việc này. Bạn hỏi Ủy ban nhân dân xã, phường nơi bạn ở giúp.",
                suggestions=["Người khuyết tật được hỗ trợ gì?"],
            )
        if "tỉnh nào" in text:
            return answer("clarify", "Bạn muốn hỏi về tỉnh nào?", suggestions=["Đồng Nai", "Hà Nam", "Cà Mau", "Hưng Yên"])
        if "<" in text:
            return answer("abstain", f"<script>alert('{text}')</script>", notices=["<img src=x onerror=alert(1)>"], suggestions=['"><b>x'])
        return self._cited()

    def _cited(self) -> dict[str, Any]:
        document = self.library.held["d735"]
        start = document.text.index(QUOTE)
        citation = {
            "document_id": "d735",
            "source_file": document.source_file,
            "number": "2735/KH-UBND",
            "title": document.metadata.title,
            "province": "Đồng Nai",
            "issued_on": "2018-03-22",
            "valid_from": "2018-01-01",
            "valid_to": "2020-12-31",
            "status": "ended",
            "heading_path": ["I. MỤC TIÊU", "2. Mục tiêu cụ thể đến năm 2020"],
            "page": None,
            "quote": QUOTE,
            "start": start,
            "end": start + len(QUOTE),
            "passage_id": "p1",
        }
        return answer(
            "answer",
            "Đến năm 2020, Đồng Nai đặt mục tiêu có 16 cơ sở trợ giúp xã hội:\n“" + QUOTE.rstrip(";") + "”\n"
            "Nguồn: Kế hoạch 2735/KH-UBND của UBND tỉnh Đồng Nai, mục I.2.a.",
            citations=[citation, citation | {"number": None, "title": "Bài báo về Kế hoạch 2735", "status": "unknown", "valid_to": None}],
            hotlines=[line("111", "Tổng đài điện thoại quốc gia bảo vệ trẻ em", True)],
            notices=["Kế hoạch này đặt ra cho giai đoạn 2018–2020, đã kết thúc."],
            suggestions=["Còn ở Cà Mau?", "Ai được nhận vào cơ sở trợ giúp xã hội?"],
        )


def answer(kind: str, text: str, **parts: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {"citations": [], "hotlines": [], "notices": [], "case_id": None, "suggestions": [], "latency_ms": 12.3}
    return {"kind": kind, "text": text} | empty | parts


def line(phone: str, name: str, open_now: bool | None, hours: str = "24/7") -> dict[str, Any]:
    return {"name": name, "phone": phone, "hours": hours, "open_now": open_now, "source": "danh bạ"}


def make_app(conversation: FakeConversation, library: FakeLibrary) -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None)
    app.add_middleware(security_headers)
    app.include_router(build_pages(conversation, library, emergency=EMERGENCY))
    install_error_pages(app, emergency=EMERGENCY)
    mount_static(app)

    @app.post("/api/v1/messages")
    async def messages(request: Request) -> Any:
        body = await request.json()
        try:
            return await conversation.reply(conversation_id=body["conversation_id"], text=body["text"], message_id=body.get("message_id"))
        except RequestRefused as refused:
            return JSONResponse({"detail": refused.advice}, status_code=400)

    return app
