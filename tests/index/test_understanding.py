"""Reading questions by rules: the kind, the field of the document, places, numbers, years, and whether a line to call is wanted."""

from __future__ import annotations

import unicodedata
from datetime import date

import pytest

from index.model import Query
from index.understanding import Understanding
from knowledge.places import Gazetteer, load_gazetteer
from knowledge.text import fold, nfc

TODAY = date(2019, 6, 1)
READER = Understanding.load(load_gazetteer())


def read(text: str) -> Query:
    return READER.read(text, TODAY)


def signals(query: Query) -> tuple[object, ...]:
    """What was read off, without the words."""
    return query.asked, query.fact, query.provinces, query.numbers, query.years, query.wants_phone, query.duties


ASKED = {
    "how_many": [
        "Đồng Nai có bao nhiêu cơ sở trợ giúp xã hội?",
        "dong nai co bao nhieu co so tro giup xa hoi",
        "Đồng Nai có mấy trung tâm bảo trợ vậy ạ",
        "tỉ lệ người khuyết tật được phục hồi chức năng là bao nhiêu phần trăm",
        "Hà Nam đặt chỉ tiêu đào tạo được mấy nhân viên công tác xã hội",
        "ha nam dat muc tieu bn % nguoi gia neo don duoc cham soc",
        "Cà Mau dự kiến hỗ trợ bnhiêu người tâm thần?",
        "Số lượng trẻ em mồ côi ở Cà Mau",
        "ở hưng yên hiện có bao nhiêu người tâm thần lang thang",
        "có tổng số mấy cán bộ xã phường được tập huấn",
        "Kinh phí thực hiện kế hoạch của Hà Nam là bao nhiêu?",
        "mấy phần trăm số xã có cộng tác viên công tác xã hội",
        "Kế hoạch của Cà Mau số mấy?",
        "từ 2013 tới 2020 hưng yên hỗ trợ bao nhiêu người",
        "Hà Nội có bao nhiêu cơ sở?",
    ],
    "who": [
        "Ai chủ trì thực hiện kế hoạch ở Đồng Nai?",
        "Cơ quan nào chịu trách nhiệm bố trí kinh phí?",
        "co quan nao chiu trach nhiem bo tri kinh phi",
        "Sở Y tế làm gì trong kế hoạch của Hà Nam?",
        "so y te co nhiem vu gi o ha nam",
        "đơn vị nào lo việc đào tạo nghề cho người khuyết tật",
        "UBND huyện có trách nhiệm gì?",
        "Hội Chữ thập đỏ tỉnh được giao việc gì",
        "bên nào lo vụ tuyên truyền vậy",
        "Đài phát thanh truyền hình tỉnh làm gì",
        "Ban Quản lý dự án do ai phụ trách",
        "Ai ký kế hoạch của Hà Nam?",
        "ai ky ke hoach 3376",
        "Cơ quan nào ban hành kế hoạch của Hà Nam?",
        "kế hoạch này do ai ban hành",
        "Đơn vị nào vận hành đường dây nóng?",
    ],
    "when": [
        "Khi nào các sở phải gửi báo cáo?",
        "báo cáo nộp trước ngày nào",
        "chung nao moi lam xong trung tam o ca mau",
        "Đến năm nào thì xây xong cơ sở mới?",
        "bao giờ thì tập huấn cho cán bộ xã",
        "Hạn chót gửi báo cáo hằng năm là khi nào",
        "Kế hoạch của Đồng Nai ký ngày nào?",
        "ke hoach dong nai ban hanh ngay nao",
        "Văn bản của Cà Mau ban hành khi nào",
    ],
    "where": [
        "Kế hoạch áp dụng ở đâu?",
        "phạm vi thực hiện của đề án Hưng Yên",
        "trung tâm điều dưỡng người tâm thần ở Đồng Nai nằm ở đâu",
        "những xã nào được làm thí điểm",
        "mô hình này làm ở huyện nào",
    ],
    "list": [
        "Dịch vụ trợ giúp xã hội gồm những gì?",
        "gom nhung dich vu nao",
        "kể tên các loại hình cơ sở trợ giúp xã hội",
        "Liệt kê giúp em các nhiệm vụ của kế hoạch Cà Mau",
    ],
    "whom": [
        "các đối tượng nào được trợ giúp",
        "Ai được hưởng trợ giúp theo kế hoạch Cà Mau?",
        "nhung ai thuoc dien duoc ho tro o hung yen",
        "Kế hoạch ưu tiên nhóm nào",
        "kế hoạch này dành cho ai vậy",
        "Đối tượng của đề án là ai",
    ],
    "whether": [
        "Trẻ mồ côi có được hỗ trợ học nghề không?",
        "người già neo đơn có được vô trung tâm ở hông",
        "nguoi khuyet tat co dc ho tro di hoc ko",
        "Con tôi bị tự kỷ, có được hỗ trợ không ạ?",
        "Có phải Hà Nam xây trung tâm mới không",
        "bên Cà Mau có làm cho người nghiện không",
        "kế hoạch đồng nai còn hiệu lực không",
        "Biên Hòa có trung tâm nào không",
        "Bạc Liêu có kế hoạch nào không",
        "tp hcm có hỗ trợ người lang thang ko",
        "111 có mất tiền không",
        "tong dai 111 goi duoc ban dem khong",
        "Kế hoạch có lập đường dây nóng không",
        "Kế hoạch có mua sắm thiết bị cho tổng đài không",
    ],
    "what": [
        "Mục tiêu chung của kế hoạch Đồng Nai là gì?",
        "mục tiêu cụ thể tới năm 2020 của Hà Nam",
        "trợ giúp xã hội là sao",
        "nguồn kinh phí lấy từ đâu",
        "Giải pháp huy động nguồn lực thế nào",
        "Kế hoạch 2735/KH-UBND nói gì?",
        "ke hoach 2735 / kh - ubnd",
        "Quyết định 1555/QĐ-UBND của Hưng Yên là gì",
        "còn Hưng Yên thì sao",
        "So sánh Hà Nam với Cà Mau",
        "so dien thoai bao ve tre em",
        "đường dây nóng để làm gì",
    ],
}


FACTS = {
    "issued_on": [
        "Kế hoạch của Đồng Nai ký ngày nào?",
        "ke hoach dong nai ban hanh ngay nao",
        "Văn bản của Cà Mau ban hành khi nào",
    ],
    "signer": [
        "Ai ký kế hoạch của Hà Nam?",
        "ai ky ke hoach 3376",
        "Người ký đề án Hưng Yên là ông nào",
    ],
    "number": [
        "Kế hoạch của Cà Mau số mấy?",
        "Số hiệu kế hoạch Đồng Nai là gì",
        "ke hoach ha nam so bao nhieu",
    ],
    "based_on": [
        "Kế hoạch Đồng Nai căn cứ quyết định nào của Thủ tướng?",
        "căn cứ vào đâu mà ban hành kế hoạch",
    ],
    "period": [
        "Kế hoạch của Cà Mau thực hiện trong giai đoạn nào?",
        "kế hoạch đồng nai còn hiệu lực không",
        "Đề án Hưng Yên kéo dài mấy năm",
        "kế hoạch cà mau hết hiệu lực năm nào",
        "Kế hoạch Cà Mau có tầm nhìn đến năm nào",
    ],
    "issuer": [
        "Cơ quan nào ban hành kế hoạch của Hà Nam?",
        "kế hoạch này do ai ban hành",
    ],
    "title": [
        "Tên đầy đủ của kế hoạch Cà Mau",
    ],
}
"""Fields of the document itself."""
ABOUT_WHAT_IS_IN_IT = [
    "Đồng Nai có bao nhiêu cơ sở trợ giúp xã hội?",
    "Khi nào các sở phải gửi báo cáo?",
    "bao giờ thì tập huấn cho cán bộ xã",
    "Cơ quan nào chịu trách nhiệm bố trí kinh phí?",
    "Kinh phí thực hiện kế hoạch của Hà Nam là bao nhiêu?",
    "Trẻ mồ côi có được hỗ trợ học nghề không?",
    "Mục tiêu chung của kế hoạch Đồng Nai là gì?",
    "Kế hoạch áp dụng ở đâu?",
    "đường dây nóng để làm gì",
]
PHONE = [
    "sài gòn gọi số nào",
    "Số điện thoại tổng đài bảo vệ trẻ em là gì?",
    "so dien thoai bao ve tre em",
    "sđt trung tâm công tác xã hội Đồng Nai",
    "gọi số nào khi thấy trẻ bị đánh",
    "bi chong danh goi ai",
    "muốn báo có người bạo hành trẻ em thì gọi đâu",
    "111 có mất tiền không",
    "tong dai 111 goi duoc ban dem khong",
    "hotline bạo lực gia đình",
]
NO_PHONE = [
    "Đơn vị nào vận hành đường dây nóng?",
    "Kế hoạch có lập đường dây nóng không",
    "đường dây nóng để làm gì",
    "Kế hoạch có mua sắm thiết bị cho tổng đài không",
    "Đồng Nai có bao nhiêu cơ sở trợ giúp xã hội?",
    "Kế hoạch của Cà Mau số mấy?",
    "ai ky ke hoach 3376",
    "Số lượng trẻ em mồ côi ở Cà Mau",
]
PROVINCES = [
    ("Đồng Nai có bao nhiêu cơ sở trợ giúp xã hội?", ("Đồng Nai",)),
    ("dong nai co bao nhieu co so tro giup xa hoi", ("Đồng Nai",)),
    ("ha nam dat muc tieu bn % nguoi gia neo don duoc cham soc", ("Hà Nam",)),
    ("ở hưng yên hiện có bao nhiêu người tâm thần lang thang", ("Hưng Yên",)),
    ("chung nao moi lam xong trung tam o ca mau", ("Cà Mau",)),
    ("Biên Hòa có trung tâm nào không", ("Đồng Nai",)),
    ("ở Phủ Lý gửi người già vô đâu", ("Hà Nam",)),
    ("Bạc Liêu có kế hoạch nào không", ("Bạc Liêu",)),
    ("So sánh Hà Nam với Cà Mau", ("Hà Nam", "Cà Mau")),
    ("Hà Nội có bao nhiêu cơ sở?", ("Hà Nội",)),
    ("tp hcm có hỗ trợ người lang thang ko", ("Thành phố Hồ Chí Minh",)),
    ("sài gòn gọi số nào", ("Thành phố Hồ Chí Minh",)),
    ("Biên Hoà có trung tâm nào không", ("Đồng Nai",)),
    ("ĐỒNG NAI CÓ GÌ", ("Đồng Nai",)),
    ("Cà Mau, rồi Hà Nam, rồi lại Cà Mau", ("Cà Mau", "Hà Nam")),
    ("hà năm", ()),
    ("cả màu sắc", ()),
    ("Khi nào các sở phải gửi báo cáo?", ()),
]
NUMBERS = [
    ("Kế hoạch 2735/KH-UBND nói gì?", ("2735/KH-UBND",)),
    ("ke hoach 2735 / kh - ubnd", ("2735/KH-UBND",)),
    ("kế hoạch 2735/KHUBND", ("2735/KH-UBND",)),
    ("QĐ 565/QĐ-TTg", ("565/QD-TTG",)),
    ("quyết định 565/QĐ-TTg và kế hoạch 60/KH-UBND", ("565/QD-TTG", "60/KH-UBND")),
    ("kế hoạch số 60 của Cà Mau", ("60",)),
    ("ai ky ke hoach 3376", ("3376",)),
    ("văn bản số 2735", ("2735",)),
    ("kế hoạch 2735/KH-UBND, tức kế hoạch số 2735", ("2735/KH-UBND",)),
    ("kế hoạch 2018", ()),
    ("năm 2018 có 16 cơ sở", ()),
    ("1.555 người", ()),
    ("ngày 22/3/2018", ()),
    ("số 18001567", ()),
]
YEARS = [
    ("mục tiêu cụ thể tới năm 2020 của Hà Nam", (2020,)),
    ("kế hoạch năm 2018 của Đồng Nai", (2018,)),
    ("Giai đoạn 2017-2020 Hà Nam làm gì", (2017, 2020)),
    ("từ 2013 tới 2020 hưng yên hỗ trợ bao nhiêu người", (2013, 2020)),
    ("tầm nhìn 2030", (2030,)),
    ("kế hoạch 2735", ()),
    ("12680 người", ()),
    ("Đồng Nai có bao nhiêu cơ sở?", ()),
]
EVERYTHING = sorted({text for group in (*ASKED.values(), *FACTS.values(), PHONE, NO_PHONE) for text in group})


@pytest.mark.parametrize(("asked", "text"), [(asked, text) for asked, texts in ASKED.items() for text in texts])
def test_the_kind_of_question(asked: str, text: str) -> None:
    assert read(text).asked == asked


@pytest.mark.parametrize(("fact", "text"), [(fact, text) for fact, texts in FACTS.items() for text in texts])
def test_a_field_of_the_document(fact: str, text: str) -> None:
    assert read(text).fact == fact


@pytest.mark.parametrize("text", ABOUT_WHAT_IS_IN_IT)
def test_no_field_of_the_document(text: str) -> None:
    assert read(text).fact is None


@pytest.mark.parametrize("text", PHONE)
def test_a_line_to_call_is_wanted(text: str) -> None:
    assert read(text).wants_phone


@pytest.mark.parametrize("text", NO_PHONE)
def test_no_line_to_call_is_wanted(text: str) -> None:
    assert not read(text).wants_phone


@pytest.mark.parametrize(("text", "provinces"), PROVINCES)
def test_provinces(text: str, provinces: tuple[str, ...]) -> None:
    assert read(text).provinces == provinces


@pytest.mark.parametrize(("text", "numbers"), NUMBERS)
def test_numbers(text: str, numbers: tuple[str, ...]) -> None:
    assert read(text).numbers == numbers


@pytest.mark.parametrize(("text", "years"), YEARS)
def test_years(text: str, years: tuple[int, ...]) -> None:
    assert read(text).years == years


@pytest.mark.parametrize("text", EVERYTHING)
def test_form_and_case_change_nothing(text: str) -> None:
    assert read(unicodedata.normalize("NFD", text)) == read(text)
    assert signals(read(text.upper())) == signals(read(text))


@pytest.mark.parametrize("text", EVERYTHING)
def test_typed_without_marks_it_is_the_same_question(text: str) -> None:
    assert signals(read(fold(nfc(text)))) == signals(read(text))


@pytest.mark.parametrize("text", ["", "   ", "🙂🙂", "???", "\u200b"])
def test_without_words_it_asks_for_nothing(text: str) -> None:
    query = read(text)
    assert signals(query) == ("what", None, (), (), (), False, False)
    assert query.terms == ()
    assert query.paraphrases == ()


def test_places_and_stop_words_are_no_terms() -> None:
    terms = read("Đồng Nai có bao nhiêu người khuyết tật được phục hồi chức năng ạ?").terms
    assert {"khuyet", "tat", "phuc", "hoi", "chuc", "nang"} <= {*terms}
    assert {"dong", "nai", "co", "duoc"}.isdisjoint(terms)


def test_teencode_and_abbreviations_are_written_out() -> None:
    assert "khuyet" in read("NKT có dc hỗ trợ ko").terms
    assert read("bn ng khuyết tật").asked == "how_many"


def test_the_offices_words_for_the_peoples_words() -> None:
    """Each paraphrase says which words it stands for; they are words of the question."""
    for text in ("người già neo đơn thì ai lo", "nguoi gia neo don thi ai lo"):
        query = read(text)
        official = {phrase for paraphrase in query.paraphrases for phrase in paraphrase.official}
        assert "người cao tuổi" in official
        assert all(f" {' '.join(p.words)} " in f" {fold(query.written_out)} " for p in query.paraphrases)


def test_the_words_that_only_name_the_document_are_left_out_where_enough_others_are() -> None:
    assert {"ke", "hoach"}.isdisjoint(read("kế hoạch trợ giúp xã hội của Hà Nam nói gì về trẻ em mồ côi").terms)
    assert read("kế hoạch của Hà Nam").terms != ()


def test_the_text_and_the_day_are_kept(gazetteer: Gazetteer) -> None:
    query = Understanding.load(gazetteer).read(unicodedata.normalize("NFD", "Hà Nam thì sao?"), TODAY)
    assert query.text == "Hà Nam thì sao?"
    assert query.as_of == TODAY


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Hà Nam có kêu gọi ủng hộ để làm mấy dự án này không?", "whether"),
        ("cấp tỉnh có bộ phận coi mấy dự án ni không hỉ", "whether"),
        ("mấy báo đài đồng nai phải tuyên truyền cái gì về kế hoạch", "what"),
        ("Đài Cà Mau tăng giờ phát sóng để làm gì?", "what"),
    ],
)
def test_a_plural_is_no_number_and_a_purpose_no_duty(text: str, asked: str) -> None:
    assert (read(text).asked, read(text).duties) == (asked, False)


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("Kế hoạch 3376 của Hà Nam dựa trên quyết định số mấy?", "based_on"),
        ("Giám đốc các sở phải báo cáo kế hoạch 3376 bao lâu một bận?", None),
        ("Chỉ tiêu này được đưa vào kế hoạch mấy năm của tỉnh Đồng Nai?", None),
        ("Luật trẻ em mà kế hoạch Hưng Yên viện dẫn có từ ngày nào?", None),
    ],
)
def test_what_a_plan_rests_on_and_what_it_orders_are_no_number_or_period_of_it(text: str, fact: str | None) -> None:
    assert read(text).fact == fact
