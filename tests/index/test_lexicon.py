"""The tables of the search floor: that they fit the plans, and that they keep quiet where a word means something else."""

from __future__ import annotations

import shutil
import unicodedata
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.lexicon import DATA, Expansion, Lexicon
from knowledge.errors import IndexFault
from knowledge.text import fold, folded_line, nfc, words

SOURCES = sorted((Path(__file__).parents[2] / "knowledge" / "sources").glob("*.txt"))
SCOPES = {"person", "need", "body", "place", "act", "figure", "time", "document"}
FUNCTION_WORDS = {
    "a",
    "các",
    "cho",
    "của",
    "được",
    "hoặc",
    "không",
    "là",
    "một",
    "nay",
    "này",
    "những",
    "ở",
    "phải",
    "tui",
    "và",
    "với",
    "xem",
}
"""Words of the plans that say nothing by themselves ("tui" is what a scan made of "tuổi")."""

LEXICON = Lexicon.load()


@pytest.fixture
def lexicon() -> Lexicon:
    return LEXICON


@pytest.fixture(scope="module")
def plans() -> str:
    assert len(SOURCES) == 5
    return "".join(folded_line(path.read_text(encoding="utf-8")) for path in SOURCES)


def said(lexicon: Lexicon, text: str) -> list[str]:
    return [expansion.colloquial for expansion in lexicon.expand(text)]


def official(lexicon: Lexicon, text: str) -> set[str]:
    return {phrase for expansion in lexicon.expand(text) for phrase in expansion.official}


# The tables themselves


def test_every_official_phrase_stands_in_a_plan(lexicon: Lexicon, plans: str) -> None:
    strangers = [
        (entry.line, phrase)
        for entry in lexicon.entries
        if entry.source != "directory"
        for phrase in entry.expansion.official
        if folded_line(phrase) not in plans
    ]
    assert strangers == []


def test_a_directory_row_has_a_name_the_plans_do_not_know(lexicon: Lexicon, plans: str) -> None:
    rows = [entry for entry in lexicon.entries if entry.source == "directory"]
    assert rows
    assert all(any(folded_line(phrase) not in plans for phrase in row.expansion.official) for row in rows)


def test_the_lexicon_is_broad(lexicon: Lexicon) -> None:
    assert len(lexicon.entries) >= 4000
    per_scope = defaultdict(int)
    for entry in lexicon.entries:
        per_scope[entry.expansion.scope] += 1
    assert set(per_scope) == SCOPES
    assert min(per_scope.values()) >= 30


def test_no_phrase_is_listed_twice_with_the_same_guard(lexicon: Lexicon) -> None:
    keys = [(nfc(entry.expansion.colloquial).lower(), entry.guard, entry.accented) for entry in lexicon.entries]
    assert len(keys) == len(set(keys))


def test_phrases_that_fold_alike_say_the_same_or_have_their_own_guard(lexicon: Lexicon) -> None:
    meanings = defaultdict(set)
    for entry in lexicon.entries:
        if not entry.accented:
            meanings[folded_line(entry.expansion.colloquial), entry.guard].add(entry.expansion.official)
    assert [key for key, told in meanings.items() if len(told) > 1] == []


def test_stopwords_are_function_words_of_the_plans(lexicon: Lexicon) -> None:
    forms = {word.lower() for path in SOURCES for word in nfc(path.read_text(encoding="utf-8")).replace("*", " ").split()}
    forms = {form.strip('.,;:()"“”…!?-/[]') for form in forms}
    assert {form for form in forms if fold(form) in lexicon.stopwords} <= FUNCTION_WORDS
    assert all(words(word) == [word] for word in lexicon.stopwords)


@pytest.mark.parametrize("typed", [str, fold], ids=["accented", "stripped"])
def test_teencode_leaves_the_words_of_the_plans_alone(lexicon: Lexicon, typed) -> None:
    short = {"ub", "nd", "b", "c", "d", "k", "s", "z", "e", "g", "r", "h", "j", "v"}
    abbreviations = {words(line.split("\t")[0])[0] for line in (DATA / "abbreviations.tsv").read_text().splitlines() if line[0] != "#"}
    for path in SOURCES:
        plan = typed(nfc(path.read_text(encoding="utf-8")))
        for line in plan.splitlines():
            tokens = words(line)
            if not set(tokens) & (abbreviations | short):
                assert lexicon.normalise(line) == line


# Normalising


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ko bít hỏi ai", "không biết hỏi ai"),
        ("Sở LĐ-TB&XH ở đâu", "Sở Lao động - Thương binh và Xã hội ở đâu"),
        ("Sở LĐ - TB&XH ở đâu", "Sở Lao động - Thương binh và Xã hội ở đâu"),
        ("Sở LĐTBXH Cà Mau", "Sở Lao động - Thương binh và Xã hội Cà Mau"),
        ("sở Lao động - TB và Xã hội", "sở Lao động - Thương binh và Xã hội"),
        ("NKT, NCT và TE mồ côi", "người khuyết tật, người cao tuổi và trẻ em mồ côi"),
        ("cho e xin sđt của UBND", "cho em xin số điện thoại của Ủy ban nhân dân"),
        ("ng già đc bn tiền", "người già được bao nhiêu tiền"),
        ("cảm ơn bn nhé", "cảm ơn bạn nhé"),
        ("bao nhiêu cs bảo trợ", "bao nhiêu cơ sở bảo trợ"),
        ("có cs hỗ trợ gì", "có chính sách hỗ trợ gì"),
        ("t/h bị chồng đánh", "trường hợp bị chồng đánh"),
        ("ai t/h kế hoạch", "ai thực hiện kế hoạch"),
        ("KH của Hà Nam", "kế hoạch của Hà Nam"),
        ("em kh biết", "em không biết"),
        ("vk với ck em", "vợ với chồng em"),
        ("hông biết, hổng có", "không biết, không có"),
        ("đi hok nghề", "đi học nghề"),
        ("em đc hok", "em được không"),
        ("Sở GD&ĐT với Sở TT&TT", "Sở Giáo dục và Đào tạo với Sở Thông tin và Truyền thông"),
        ("đ/c nào b/c", "đồng chí nào báo cáo"),
        ("1/ ko có tiền, 2/ ko có nhà", "1/ không có tiền, 2/ không có nhà"),
        ("gọi đg dây nóng", "gọi đường dây nóng"),
        ("huyện nộp bc trc ngày nào", "huyện nộp báo cáo trước ngày nào"),
        ("tr mồ côi", "trẻ mồ côi"),
        ("được mấy tr vậy", "được mấy triệu vậy"),
        ("cg nhân cty cũg đc", "công nhân công ty cũng được"),
        ("gói dv cho ng già", "gói dịch vụ cho người già"),
        ("thanhtra, kiểmtra kinhphí", "thanh tra, kiểm tra kinh phí"),
        ("nguwowif già dduwowcj gif", "người già được gì"),
    ],
)
def test_normalise_writes_out(lexicon: Lexicon, typed: str, meant: str) -> None:
    assert lexicon.normalise(typed) == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("so ldtbxh o dau", "so lao dong - thuong binh va xa hoi o dau"),
        ("ko co bhyt", "khong co bao hiem y te"),
        ("sdt ubnd", "so dien thoai uy ban nhan dan"),
    ],
)
def test_a_text_without_marks_stays_without(lexicon: Lexicon, typed: str, meant: str) -> None:
    assert lexicon.normalise(typed) == meant


@pytest.mark.parametrize(
    "text",
    [
        "Kế hoạch 2735/KH-UBND và 565/QĐ-TTg",
        "nghị định 94/2010/NĐ-CP",
        "hội chữ thập hồng",
        "y te, kinh te, quoc te",
        "CA MAU, TU VAN, CAP THE",
        "chu tich, chu trong",
        "mô hình cũ",
        "hẻm số 5",
        "vitamin k",
        "2735/KH - UBND",
        "Trẻ em, 24/7.\n\tHai  khoảng trắng",
        "",
    ],
)
def test_normalise_leaves_alone(lexicon: Lexicon, text: str) -> None:
    assert lexicon.normalise(text) == text


def test_a_combining_mark_after_a_word_written_out(lexicon: Lexicon) -> None:
    assert unicodedata.is_normalized("NFC", lexicon.normalise("là j\u0323"))


def test_a_letter_that_grows_in_lower_case(lexicon: Lexicon) -> None:
    assert lexicon.normalise("İİ ko İB") == "İİ không nhắn tin"


def test_normalise_takes_nfd_and_gives_nfc(lexicon: Lexicon) -> None:
    assert lexicon.normalise(unicodedata.normalize("NFD", "Người già ở sở LĐTBXH")) == "Người già ở sở Lao động - Thương binh và Xã hội"


@given(st.text(max_size=200))
def test_any_text_is_taken(text: str) -> None:
    normal = LEXICON.normalise(text)
    assert unicodedata.is_normalized("NFC", normal)
    assert all(isinstance(expansion, Expansion) for expansion in LEXICON.expand(normal))


# Expanding


@pytest.mark.parametrize(
    ("question", "phrase"),
    [
        ("bà bầu được gì", "phụ nữ mang thai"),
        ("viện dưỡng lão ở Cà Mau", "mô hình nhà dưỡng lão"),
        ("xì ke mới cai về thì sao", "người sau cai nghiện"),
        ("bị bán sang Trung Quốc", "nạn nhân bị mua bán"),
        ("bị chồng đánh thì đi đâu", "nhà tạm lánh"),
        ("công nhân ở trọ có gì", "câu lạc bộ nữ công nhân nhà trọ"),
        ("luật sư miễn phí", "trợ giúp pháp lý"),
        ("tiền ma chay", "chi phí mai táng"),
        ("cháu nghèo có miễn học phí không", "miễn, giảm các khoản đóng góp"),
        ("dân chài", "vùng bãi ngang ven biển và hải đảo"),
        ("bên lao động", "Sở Lao động - Thương binh và Xã hội"),
        ("uống thuốc thay thế", "điều trị Methadone"),
        ("tiền ở đâu ra", "nguồn kinh phí"),
        ("ai ký kế hoạch", "người ký"),
        ("gái đứng đường", "người bán dâm"),
        ("đàn ông đàn bà bớt cách nhau", "khoảng cách giới"),
        ("chỗ nuôi người già của tư nhân", "cơ sở trợ giúp xã hội"),
        ("uống metadone ở đâu", "điều trị Methadone"),
        ("sắm máy móc mới cho đường dây", "mua sắm trang thiết bị"),
        ("tiền nước ngoài cho thì ai lo", "viện trợ phi chính phủ nước ngoài"),
        ("báo cáo lên trên bao lâu một lần", "định kỳ 6 tháng"),
        ("đi đếm coi bao nhiêu người", "khảo sát, rà soát, thống kê"),
        ("kế hoạch gởi cho mấy nơi", "nơi nhận"),
        ("nhà lánh tạm cho đàn bà bị đánh", "nơi trú ẩn tạm thời khẩn cấp và an toàn"),
        ("sáng gửi tối đón", "chăm sóc bán trú"),
        ("tìm nhà khác nuôi", "chăm sóc thay thế"),
        ("bớt tiền học", "miễn, giảm các khoản đóng góp"),
    ],
)
@pytest.mark.parametrize("typed", [str, fold], ids=["accented", "stripped"])
def test_people_are_understood(lexicon: Lexicon, question: str, phrase: str, typed) -> None:
    assert phrase in official(lexicon, typed(question))


@pytest.mark.parametrize(
    "question",
    [
        "giá vàng hôm nay",
        "gia vang hom nay",
        "gia đình em",
        "ba gia dinh",
        "giá cả thị trường",
        "gia ca thi truong",
        "bản thân em",
        "ban than em",
        "nghiên cứu khoa học",
        "nghien cuu khoa hoc",
        "bầu cử đại biểu",
        "tre nua",
        "bi ban be xa lanh",
        "nghị định, điều kiện",
        "lam cong tac dan van",
        "cảm ơn nhiều",
        "ban dau",
        "ai ra mat hom nay",
    ],
)
def test_words_that_only_look_alike_stay_quiet(lexicon: Lexicon, question: str) -> None:
    assert said(lexicon, question) == []


@pytest.mark.parametrize(
    ("question", "quiet"),
    [
        ("bảo vệ trẻ em", "bão"),
        ("báo cáo hằng năm", "báo"),
        ("các cơ sở", "các sở"),
        ("đủ điều kiện", "kiện"),
        ("hỗ trợ cấp xã", "trợ cấp xã hội"),
        ("tổng đài 111", "đài"),
        ("trẻ em có hoàn cảnh đặc biệt khó khăn", "khó khăn"),
        ("bảo hiểm thất nghiệp", "bảo hiểm"),
        ("bi ban danh", "bị bán"),
        ("báo cáo trước ngày nào", "ngày nào"),
        ("có co so cai nghien", "có chửa"),
        ("thang be bi dien giat", "bị điên"),
        ("phi lam thu tuc la bao nhieu", "làm thử"),
        ("can bo hoc sinh", "bỏ học"),
        ("con so giao duc thi lam gi", "con số"),
        ("an may nam tu", "ăn mày"),
        ("dich vu phu hop", "vũ phu"),
        ("so nha may", "nhà máy"),
        ("vay tien dau ra", "vay tiền"),
        ("co so giao cho ai, co giao cho huyen khong", "cô giáo"),
        ("cho mệ hỏi", "mệ"),
        ("gọi công an báo ai", "báo"),
        ("phát mấy ký gạo", "ký"),
        ("o dao tao nghe", "ở đảo"),
        ("học sinh để làm gì", "sinh đẻ"),
    ],
)
def test_guards_keep_a_row_quiet(lexicon: Lexicon, question: str, quiet: str) -> None:
    assert quiet not in said(lexicon, question)


def test_the_longest_phrase_wins_and_none_overlaps(lexicon: Lexicon) -> None:
    assert said(lexicon, "người đi cai về") == ["người đi cai về"]
    assert said(lexicon, "Con em bị bạn bắt nạt trên mạng") == ["bắt nạt trên mạng"]


def test_order_of_the_text_and_each_row_once(lexicon: Lexicon) -> None:
    assert said(lexicon, "bà bầu, xì ke, bà bầu") == ["bà bầu", "xì ke"]


@pytest.mark.parametrize(
    "text", ["người gìa", "người già", "NGƯỜI GIÀ", "nguoi gia", "người giả", unicodedata.normalize("NFD", "người già")]
)
def test_marks_must_not_contradict(lexicon: Lexicon, text: str) -> None:
    assert ("người già" in said(lexicon, text)) == (text != "người giả")


def test_hoi_and_nga_are_one_tone_unless_a_row_asks_for_its_marks(lexicon: Lexicon) -> None:
    assert said(lexicon, "mẹ ghẽ") == ["mẹ ghẻ"]
    assert said(lexicon, "bão") == ["bão"]
    assert said(lexicon, "bảo") == []


@pytest.mark.parametrize("word", ["Dạ", "cho", "tôi", "hỏi", "nào", "ở", "ạ", "khong", unicodedata.normalize("NFD", "tôi")])
def test_is_stopword(lexicon: Lexicon, word: str) -> None:
    assert lexicon.is_stopword(word)


@pytest.mark.parametrize("word", ["sở", "người", "già", "tối", "toi", "thí", "cơ", "em", "vay", "bao"])
def test_is_no_stopword(lexicon: Lexicon, word: str) -> None:
    assert not lexicon.is_stopword(word)


# Damaged tables


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA, tmp_path / "data"))


HEADS = {
    "lexicon.tsv": "colloquial\tofficial\tscope\tguard\taccented\tsource",
    "abbreviations.tsv": "short\tlong\tguard\tsource",
    "teencode.tsv": "typed\tmeant\tguard\tsource",
}


@pytest.mark.parametrize(
    ("table", "rows", "row"),
    [
        ("lexicon.tsv", ["bà bầu\tphụ nữ mang thai\tpeople\t\t\tspoken"], 2),
        ("lexicon.tsv", ["bà bầu\tphụ nữ mang thai\tperson\tbau cu\t\tspoken"], 2),
        ("lexicon.tsv", ["bà bầu\tphụ nữ mang thai\tperson\t-bầu cử\t\tspoken"], 2),
        ("lexicon.tsv", ["bà bầu\tphụ nữ mang thai\tperson\t-ba bau\t\tspoken"], 2),
        ("lexicon.tsv", ["bà bầu\tphụ nữ mang thai\tperson\t-\t\tspoken"], 2),
        ("lexicon.tsv", ["cave\tngười bán dâm\tperson\t\t1\tspoken"], 2),
        ("lexicon.tsv", ["bà bầu\tphụ nữ mang thai\tperson\t\tyes\tspoken"], 2),
        ("lexicon.tsv", ["bà bầu\tphụ nữ|phụ nữ\tperson\t\t\tspoken"], 2),
        ("lexicon.tsv", ["bà bầu\tbà bầu\tperson\t\t\tspoken"], 2),
        ("lexicon.tsv", ["bà bầu\tphụ nữ mang thai\tperson\t\tspoken"], 2),
        ("lexicon.tsv", ["bà bầu\tphụ nữ mang thai\tperson\t\t\t"], 2),
        ("lexicon.tsv", ["# ghi chú", "bà bầu\tphụ nữ\tperson\t\t\tspoken", "Bà bầu\tphụ nữ mang thai\tperson\t\t\tspoken"], 4),
        ("abbreviations.tsv", ["UBND\t\t\tofficial"], 2),
        ("teencode.tsv", ["!!\tkhông\t\tteen"], 2),
    ],
)
def test_a_row_that_cannot_be_meant_is_named(tables: Path, table: str, rows: list[str], row: int) -> None:
    (tables / table).write_text("\n".join([HEADS[table], *rows]), encoding="utf-8")
    with pytest.raises(IndexFault, match=table.replace(".", r"\.")) as caught:
        Lexicon.load(tables)
    assert caught.value.context == {"table": table, "row": row}


def test_a_wrong_header_is_named(tables: Path) -> None:
    (tables / "teencode.tsv").write_text("typed\tmeaning\tguard\tsource\n", encoding="utf-8")
    with pytest.raises(IndexFault, match="columns typed, meant"):
        Lexicon.load(tables)


def test_two_words_on_a_line_of_stopwords(tables: Path) -> None:
    (tables / "stopwords.txt").write_text("# từ\nbao nhieu\n", encoding="utf-8")
    with pytest.raises(IndexFault, match="line 2"):
        Lexicon.load(tables)


@pytest.mark.parametrize("damage", ["missing", "bytes"])
def test_a_table_that_cannot_be_read(tables: Path, damage: str) -> None:
    table = tables / "abbreviations.tsv"
    if damage == "missing":
        table.unlink()
    else:
        table.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(IndexFault, match="cannot be read"):
        Lexicon.load(tables)
