"""Search over the five documents: the right passage among the first three, of the right document."""

from __future__ import annotations

from datetime import date

import pytest

from index import search
from index.analysis import terms
from index.model import Hit, Query
from index.search import Retriever
from index.snapshot import Snapshot
from index.understanding import Understanding
from knowledge.places import Gazetteer

FIRST = 3
FOUND = [
    # the newspaper's account and the plan of Đồng Nai
    ("Báo nói kế hoạch Đồng Nai áp dụng cho những ai?", "áp dụng đối với các cơ quan, đơn vị"),
    ("Đồng Nai có bao nhiêu cơ sở trợ giúp xã hội?", "nâng tổng số lên 16 cơ sở"),
    ("dong nai giam bao nhieu % tre em bi xam hai", "iảm ít nhất 50%"),
    ("Đồng Nai tổng kết kế hoạch khi nào?", "Tổ chức đánh giá, tổng kết việc thực hiện Kế hoạch"),
    ("Đồng Nai có bao nhiêu phần trăm người nghiện được đưa vào cơ sở cai nghiện bắt buộc", "90% người nghiện ma túy có quyết định"),
    ("Đồng Nai kết nối với tổng đài nào để bảo vệ trẻ em?", "Tổng đài Quốc gia Bảo vệ trẻ em 111"),
    ("dong nai duy tri diem tu van cho dong bao dan toc o xa nao", "xã Tà Lài"),
    # Hà Nam
    ("Hà Nam bồi dưỡng kỹ năng cho bao nhiêu nhân viên công tác xã hội?", "600 công chức, viên chức"),
    ("ha nam bao nhieu % tre em co hoan canh dac biet duoc quan ly theo doi", "90% trẻ em có hoàn cảnh đặc biệt được quản lý, theo dõi"),
    ("Hà Nam: tỷ lệ người nghiện được dạy nghề tăng lên bao nhiêu?", "từ 30% năm 2015 lên 50% năm 2020"),
    ("Nhà tạm lánh cho nạn nhân bạo lực ở Hà Nam có gì?", "Xây dựng địa chỉ tin cậy, nhà tạm lánh tại cộng đồng"),
    ("Sở Tài chính Hà Nam làm gì?", "bố trí kinh phí thực hiện Kế hoạch"),
    # Cà Mau
    ("Cà Mau có mấy cơ sở bảo trợ xã hội?", "03 cơ sở bảo trợ xã hội công lập và 02 cơ sở ngoài công lập"),
    ("ca mau da tro cap cho bao nhieu nguoi cao tuoi", "19.016 người"),
    ("Cà Mau năm 2016 trợ cấp cho bao nhiêu người khuyết tật nặng", "12.680 người"),
    ("Cà Mau lập quỹ trợ giúp ở đâu?", "mô hình Quỹ trợ giúp tại các huyện"),
    ("Kinh phí của Cà Mau lấy ở đâu ra?", "bố trí trong dự toán ngân sách hằng năm"),
    ("Cà Mau ưu tiên nhóm đối tượng nào?", "Tất cả nhóm đối tượng bảo trợ xã hội"),
    # Hưng Yên
    ("Hưng Yên đặt mục tiêu bao nhiêu phần trăm trẻ em khó khăn được trợ giúp?", "95% trẻ em có hoàn cảnh đặc biệt khó khăn"),
    ("hung yen so y te lam gi", "Sở Y tế chỉ đạo, hướng dẫn các cơ sở y tế"),
    ("Kinh phí của Hưng Yên từ đâu?", "Quỹ Bảo trợ trẻ em và các nguồn vận động khác"),
    ("Sở Thông tin và Truyền thông Hưng Yên có nhiệm vụ gì?", "Sở Thông tin và Truyền thông chủ trì"),
    ("Hưng Yên có dạy nghề cho trẻ em khó khăn không?", "mô hình dạy nghề gắn với tạo việc làm"),
    ("ai giam sat viec thuc hien o hung yen", "Đề nghị Uỷ ban MTTQ"),
    ("Hưng Yên báo cáo mấy tháng một lần?", "định kỳ (6 tháng)"),
]


@pytest.fixture(scope="module")
def retriever(opened: Snapshot, gazetteer: Gazetteer) -> Retriever:
    return Retriever(opened, gazetteer)


@pytest.fixture(scope="module")
def reader(gazetteer: Gazetteer) -> Understanding:
    return Understanding.load(gazetteer)


def asked(reader: Understanding, text: str) -> Query:
    return reader.read(text, date(2019, 6, 1))


def files(hits: list[Hit]) -> set[str]:
    """The first three digits of the documents' file names."""
    return {hit.document.source_file[:3] for hit in hits}


def numbers_in_scope(retriever: Retriever, query: Query) -> set[str | None]:
    ids = retriever.scope(query).document_ids
    assert ids is not None
    return {retriever.snapshot.collection.document(document_id).metadata.number for document_id in ids}


@pytest.mark.parametrize(("text", "evidence"), FOUND)
def test_the_right_passage_is_among_the_first(text: str, evidence: str, retriever: Retriever, reader: Understanding) -> None:
    found = [" ".join(hit.passage.text.split()) for hit in retriever.search(asked(reader, text), FIRST)]
    assert any(evidence in passage for passage in found), found


@pytest.mark.parametrize(("text", "_"), FOUND)
def test_a_hit_is_a_slice_of_its_document(text: str, _: str, retriever: Retriever, reader: Understanding) -> None:
    hits = retriever.search(asked(reader, text))
    assert hits
    for hit in hits:
        assert hit.passage.document_id == hit.document.document_id
        assert hit.passage.span.of(hit.document.text) == hit.passage.text
        assert all(span.of(hit.document.text) for span in hit.passage.heading_spans)


@pytest.mark.parametrize(("text", "_"), FOUND)
def test_scores_fall_and_shares_are_shares(text: str, _: str, retriever: Retriever, reader: Understanding) -> None:
    hits = retriever.search(asked(reader, text))
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(0 <= hit.coverage <= 1 and hit.score > 0 for hit in hits)


@pytest.mark.parametrize("k", [1, 4, 10])
def test_no_more_than_asked_for(k: int, retriever: Retriever, reader: Understanding) -> None:
    assert len(retriever.search(asked(reader, "trẻ em"), k)) == k


@pytest.mark.parametrize("text", ["", "🙂", "???", "hypnosis zebra quantum"])
def test_without_a_known_word_nothing_is_found(text: str, retriever: Retriever, reader: Understanding) -> None:
    assert retriever.search(asked(reader, text)) == []


def test_the_same_question_finds_the_same(retriever: Retriever, reader: Understanding) -> None:
    query = asked(reader, "Cà Mau ưu tiên nhóm đối tượng nào?")
    assert retriever.search(query) == retriever.search(query)


# Which documents


@pytest.mark.parametrize(
    ("text", "within"),
    [
        ("Hà Nam có mục tiêu gì về trẻ em?", {"001"}),
        ("ca mau co muc tieu gi ve tre em", {"002"}),
        ("Hưng Yên có mục tiêu gì về trẻ em?", {"003"}),
        ("Đồng Nai có mục tiêu gì về trẻ em?", {"000", "004"}),
        ("Biên Hòa có mục tiêu gì về trẻ em?", {"000", "004"}),
        ("Hà Nam và Cà Mau có mục tiêu gì về trẻ em?", {"001", "002"}),
    ],
)
def test_a_province_that_is_held(text: str, within: set[str], retriever: Retriever, reader: Understanding) -> None:
    query = asked(reader, text)
    assert retriever.scope(query).missing_provinces == ()
    assert set() != files(retriever.search(query)) <= within


@pytest.mark.parametrize(
    ("province", "number"),
    [
        ("Bạc Liêu", "60/KH-UBND"),
        ("bac lieu", "60/KH-UBND"),
        ("Bình Phước", "2735/KH-UBND"),
        ("Nam Định", "3376/KH-UBND"),
        ("Ninh Bình", "3376/KH-UBND"),
    ],
)
def test_a_province_merged_with_one_that_is_held(province: str, number: str, retriever: Retriever, reader: Understanding) -> None:
    query = asked(reader, f"{province} có mấy cơ sở bảo trợ xã hội?")
    assert number in numbers_in_scope(retriever, query)
    assert retriever.scope(query).missing_provinces == ()
    assert retriever.search(query)


def test_a_province_that_is_not_held(retriever: Retriever, reader: Understanding) -> None:
    query = asked(reader, "Lào Cai có bao nhiêu cơ sở trợ giúp xã hội?")
    assert retriever.scope(query).missing_provinces == ("Lào Cai",)
    assert retriever.search(query) == []


def test_of_two_provinces_the_one_that_is_held(retriever: Retriever, reader: Understanding) -> None:
    query = asked(reader, "Cà Mau với Lào Cai có mấy cơ sở bảo trợ xã hội?")
    assert retriever.scope(query).missing_provinces == ("Lào Cai",)
    assert files(retriever.search(query)) == {"002"}


def test_without_province_or_number_all_documents(retriever: Retriever, reader: Understanding) -> None:
    query = asked(reader, "trẻ em có hoàn cảnh đặc biệt khó khăn")
    assert retriever.scope(query).document_ids is None
    assert len(files(retriever.search(query, 100))) >= 4


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("kế hoạch 2735/KH-UBND có bao nhiêu cơ sở?", "2735/KH-UBND"),
        ("ke hoach 60 uu tien nhom doi tuong nao", "60/KH-UBND"),
        ("kế hoạch 3376/KH-UBND nói gì về trẻ em?", "3376/KH-UBND"),
        ("kế hoạch 2735/KH-UBND của Đồng Nai", "2735/KH-UBND"),
    ],
)
def test_a_number_names_one_document(text: str, number: str, retriever: Retriever, reader: Understanding) -> None:
    query = asked(reader, text)
    assert numbers_in_scope(retriever, query) == {number}
    assert {hit.document.metadata.number for hit in retriever.search(query)} == {number}


def test_a_newspaper_s_account_is_looked_into_where_it_is_asked_for(retriever: Retriever, reader: Understanding) -> None:
    plan = numbers_in_scope(retriever, asked(reader, "kế hoạch 2735 áp dụng cho ai"))
    assert plan == {"2735/KH-UBND"}
    assert numbers_in_scope(retriever, asked(reader, "theo báo thì kế hoạch 2735 áp dụng cho ai")) == {*plan, None}


def test_an_unknown_number_is_said(retriever: Retriever, reader: Understanding) -> None:
    query = asked(reader, "kế hoạch 9999/KH-UBND nói gì về trẻ em?")
    assert retriever.scope(query).missing_numbers == ("9999/KH-UBND",)
    assert retriever.search(query) == []


def test_a_number_that_a_document_only_mentions_is_not_unknown(retriever: Retriever, reader: Understanding) -> None:
    scope = retriever.scope(asked(reader, "quyết định 488/QĐ-TTg nói gì về trẻ em?"))
    assert scope.missing_numbers == ()
    assert scope.document_ids is None


def test_the_newspaper_stands_under_the_plan_it_tells_about(retriever: Retriever, reader: Understanding) -> None:
    """Both say the same in the same words."""
    hits = retriever.search(asked(reader, "Đồng Nai phát triển số lượng cơ sở trợ giúp xã hội ngoài công lập thêm bao nhiêu cơ sở?"))
    order = [hit.document.source_file[:3] for hit in hits if "thêm 03 cơ sở" in hit.passage.text]
    assert order[0] == "004"
    assert "000" in order


# Coverage


def test_a_paraphrase_covers_the_words_it_stands_for(retriever: Retriever, reader: Understanding) -> None:
    query = asked(reader, "người già neo đơn")
    plain = Query(**{**{name: getattr(query, name) for name in query.__slots__}, "paraphrases": ()})
    held = frozenset(terms("người cao tuổi không có người chăm sóc, phụng dưỡng"))
    assert retriever.coverage(query, held) == 1.0
    assert retriever.coverage(plain, held) < 0.5


def test_coverage_is_weighted_by_rarity(retriever: Retriever, reader: Understanding) -> None:
    query = asked(reader, "trẻ em tâm thần")
    assert retriever.coverage(query, frozenset(terms("tâm thần"))) > 0.5 > retriever.coverage(query, frozenset(terms("trẻ em"))) > 0


def test_nothing_asked_is_not_covered(retriever: Retriever, reader: Understanding) -> None:
    assert retriever.coverage(asked(reader, "???"), frozenset(["tre"])) == 0.0


def test_a_clause_covers_no_more_than_its_passage(retriever: Retriever, reader: Understanding) -> None:
    query = asked(reader, "Cà Mau có mấy cơ sở bảo trợ xã hội?")
    for hit in retriever.search(query, FIRST):
        assert 0 < retriever.clause_coverage(query, hit) <= hit.coverage + 1e-9


def test_warming_reads_every_passage_once(retriever: Retriever) -> None:
    search._read.cache_clear()
    for _ in range(2):
        retriever.warm(retriever.snapshot.passages)
        held = search._read.cache_info()
        assert held.currsize == held.misses == len(retriever.snapshot.passages)
