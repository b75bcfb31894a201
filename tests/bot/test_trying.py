"""What a change of the tables of bodies and provinces makes of real answers: shown before it is kept, and in use at once afterwards."""

from __future__ import annotations

from actions.model import Context, Message
from bot.directory.trying import SHOWN, Trying, said
from bot.publication.gold import shipped_questions
from bot.services import Services
from knowledge.directory import VIETNAM
from knowledge.store import Actor, RowChange

BEN_TRE = "Trẻ em mồ côi ở Bến Tre được hỗ trợ gì?"


def test_a_change_is_tried_kept_and_in_use_at_once(services: Services) -> None:
    keeper, trying = services.directory_keeper, Trying.of(services)
    services.store.gold.seed(row for row in shipped_questions() if row[0].startswith("cm-1"))

    def answer() -> str:
        now = services.clock()
        message = Message("c", BEN_TRE, "m", now, now.astimezone(VIETNAM).date())
        return said(services.assistant().reply(message, Context()))

    before = answer()
    shipped = keeper.shipped.values("provinces", "ben-tre")
    province = RowChange("provinces", base="ben-tre", values={**shipped, "now": "Cà Mau"})
    tried = trying.compare(keeper.merged, keeper.with_change(province), BEN_TRE)
    assert (tried[0].question, tried[0].before) == (BEN_TRE, before)
    assert "Cà Mau" in tried[0].after.split("\n")[0]
    assert answer() == before
    services.store.directory.apply([province], keeper.shipped.refuse_unfit, Actor())
    keeper.refresh()
    assert answer() == tried[0].after  # also of what was remembered of this very question
    task = keeper.merged.of("successions")[0]
    moved = RowChange("successions", base=task.key, values={**task.values, "now": "Sở Xã hội"})
    tried = trying.compare(keeper.merged, keeper.with_change(moved))
    assert 1 <= len(tried) <= SHOWN
    assert all("Sở Xã hội" in one.after and "Sở Xã hội" not in one.before for one in tried)


def test_a_word_of_the_people_is_tried_kept_and_understood(services: Services) -> None:
    keeper, trying = services.directory_keeper, Trying.of(services)
    question = "Có bao nhiêu cánh chim non được trợ cấp ở Cà Mau?"

    def meant(text: str) -> bool:
        read = services.understanding.read(text, services.clock().astimezone(VIETNAM).date())
        return any("trẻ mồ côi" in row.official for row in read.paraphrases)

    values = {
        "name": "cánh chim non",
        "official": "trẻ mồ côi|trẻ em mồ côi",
        "scope": "person",
        "only_with": "",
        "not_with": "rung",
        "source": "sổ trực",
    }
    word = RowChange("words", values=values)
    (tried,) = trying.compare(keeper.merged, keeper.with_change(word), question)
    assert "252 trẻ" in tried.after
    assert tried.before != tried.after
    assert not meant(question)
    services.store.directory.apply([word], keeper.shipped.refuse_unfit, Actor())
    keeper.refresh()
    assert meant(question)
    assert not meant(f"{question} Trong rừng ấy?")
    (again,) = trying.compare(keeper.merged, keeper.merged, question)
    assert again.before == again.after == tried.after
