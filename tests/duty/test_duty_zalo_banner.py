"""What an officer sees when Zalo gives no new tokens."""

from __future__ import annotations

from datetime import timedelta

from duty_house import DeskHouse, words


def test_the_desk_says_when_zalo_takes_no_answers_and_stops_when_it_does(house: DeskHouse) -> None:
    officer = house.at_desk(house.add("lan", "duty_officer", on_duty=True))
    assert "Zalo" not in words(officer.get("/truc"))
    house.store.tokens.failed("zalo-oa", "code -14020")
    for path in ("/truc", "/truc/hang-doi"):
        page = officer.get(path).text
        assert "Mã truy cập của Zalo OA không gia hạn được (lần thử gần nhất 10:00" in " ".join(page.split()), path
        assert "-14020" not in page
    house.store.tokens.keep("zalo-oa", "access", "refresh", house.clock() + timedelta(hours=25))
    assert "Zalo" not in words(officer.get("/truc"))
