"""The directory as CSV: the same out and in, nothing that begins a formula, looked at first, all or nothing."""

from __future__ import annotations

import csv
import io

from keeping_house import HERE, KeepingHouse, filled, send

THERE = f"{HERE}/hotlines/nhap"
SMALL = "Tên,Số điện thoại,Giờ làm việc (cho người dân đọc),Giờ mở máy (để trợ lý tính),Nơi phục vụ,Nguồn\r\n"


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def test_what_goes_out_comes_in_unchanged(house: KeepingHouse) -> None:
    editor = house.browser("editor")
    for name in (name for name, kind in house.keeper.rules.kinds.items() if not kind.tried):
        out = editor.get(f"{HERE}/{name}.csv")
        assert out.headers["content-type"] == "text/csv; charset=utf-8"
        assert out.text.startswith("\ufeffMã,")
        looked = send(editor, f"{HERE}/{name}/nhap", csv=out.text)
        assert (looked.status_code, "Tệp này không thay đổi gì." in looked.text) == (200, True)
    assert house.store.directory.read() == (0, ())


def test_a_file_is_shown_first_and_then_kept(house: KeepingHouse) -> None:
    editor = house.browser("editor")
    text = editor.get(f"{HERE}/hotlines.csv").text.replace("có tính phí", "1.000 đồng một phút", 1)
    text += (
        ",Đường dây Đồng Nai,0251 382 2222,Cả ngày,24/7,miễn phí,Trẻ em bị xâm hại | Mua bán người,Đồng Nai,Công văn 12/SYT,3/5/2026,,\r\n"
    )
    looked = send(editor, THERE, csv=text)
    assert "<del><span" in looked.text
    assert "Ghi 2 thay đổi" in looked.text
    assert house.store.directory.read() == (0, ())
    kept = editor.post(THERE, data=filled(looked.text, THERE))
    assert kept.headers["location"] == f"{HERE}/hotlines?xong=imported"
    line = house.keeper.live.by_phone("0251 382 2222")
    assert line is not None
    assert line.purposes == ("child_abuse", "trafficking")
    assert str(line.checked_on) == "2026-05-03"
    assert len(house.store.directory.read()[1]) == 2


def test_errors_are_told_by_line_and_nothing_is_kept(house: KeepingHouse) -> None:
    editor = house.browser("editor")
    good = "Tốt,0251 382 2222,Cả ngày,24/7,Đồng Nai,Công văn 12/SYT\r\n"
    bad = SMALL + good + "Xấu,12,Cả ngày,24/7,Đồng Nai,x\r\n" + "Thiếu ô,1\r\n"
    looked = editor.post(THERE, data=filled(editor.get(THERE).text, THERE) | {"csv": bad, "ghi": "1", "ban": "0"})
    assert looked.status_code == 400
    for said in ("Dòng 3", "số chưa đúng", "ghi địa chỉ trang", "Dòng 4", "Có 2 ô, cần 6 ô."):
        assert said in looked.text
    twice = SMALL + good + good.replace("Tốt", "Nữa")
    page = send(editor, THERE, csv=twice)
    refused = editor.post(THERE, data=filled(page.text, THERE))
    assert (refused.status_code, "số này đã có ở dòng khác" in refused.text) == (400, True)
    for unknown in ("Mã,Tên\r\n999,Công an\r\n", "Tên,Lạ\r\na,b\r\n", "", '"', "\x00,\x00", "Tên,Tên\r\na,b\r\n"):
        assert send(editor, THERE, csv=unknown).status_code == 400
    assert house.store.directory.read() == (0, ())


def test_danger_keeps_its_numbers_against_a_file_too(house: KeepingHouse) -> None:
    editor = house.browser("editor")
    text = editor.get(f"{HERE}/hotlines.csv").text.replace("113,Công an,113,", "113,Công an,0912345678,")
    page = send(editor, THERE, csv=text)
    refused = editor.post(THERE, data=filled(page.text, THERE))
    assert (refused.status_code, "không ẩn hay đổi được" in refused.text) == (400, True)
    assert house.store.directory.read() == (0, ())


def test_a_change_meanwhile_is_looked_at_again(house: KeepingHouse) -> None:
    editor = house.browser("editor")
    page = send(editor, THERE, csv=SMALL + "Tốt,0251 382 2222,Cả ngày,24/7,Đồng Nai,Công văn 12/SYT\r\n")
    send(house.browser("editor"), f"{HERE}/hotlines/1900969680", cost="miễn phí")
    late = editor.post(THERE, data=filled(page.text, THERE))
    assert (late.status_code, "bản xem trước mới" in late.text) == (409, True)
    assert editor.post(THERE, data=filled(late.text, THERE)).status_code == 303


def test_no_cell_begins_a_formula_and_it_comes_back_whole(house: KeepingHouse) -> None:
    editor = house.browser("editor")
    source = '=HYPERLINK("http://x.example","sách")'
    text = SMALL + f'"=1+1|x",+84 251 382 2222,@giờ,24/7,Đồng Nai,"{source.replace(chr(34), chr(34) * 2)}"\r\n'
    page = send(editor, THERE, csv=text)
    assert editor.post(THERE, data=filled(page.text, THERE)).status_code == 303
    out = editor.get(f"{HERE}/hotlines.csv").text
    row = rows_of(out)[-1]
    assert (row["Tên"], row["Nguồn"], row["Số điện thoại"]) == ("'=1+1|x", f"'{source}", "'+84 251 382 2222")
    assert "Tệp này không thay đổi gì." in send(editor, THERE, csv=out).text
    semicolons = io.StringIO()
    csv.writer(semicolons, delimiter=";").writerows(csv.reader(io.StringIO(out.removeprefix("\ufeff"), newline="")))
    assert "Tệp này không thay đổi gì." in send(editor, THERE, csv=semicolons.getvalue()).text
