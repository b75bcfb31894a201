"""A question about old people is answered by what names them, or honestly not."""

from __future__ import annotations

import pytest
from actions_house import Person, both

from knowledge.text import fold


@pytest.mark.parametrize(
    "text",
    [
        "Người cao tuổi ở Đồng Nai được chăm sóc sức khỏe thế nào?",
        "Người cao tuổi ở Hưng Yên được giúp gì?",
        "Người già ở Cà Mau được chăm sóc thế nào?",
    ],
)
def test_old_people_are_named_in_what_is_told(person: Person, text: str) -> None:
    for said in both(text):
        answer = person.says(said)
        named = any(
            word in fold(f"{c.quote} {' '.join(c.heading_path)}") for c in answer.citations[:1] for word in ("cao tuoi", "nguoi gia")
        )
        assert answer.kind == "abstain" or named
