from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plans import ALL, ARTICLE, CA_MAU, DONG_NAI, HA_NAM, HUNG_YEN, made, source

from knowledge.collection import Collection, dump, dump_metadata, parse, parse_metadata
from knowledge.errors import KnowledgeError, UnknownDocument


@pytest.fixture(scope="module")
def collection() -> Collection:
    return Collection(tuple(source(name) for name in ALL))


def test_documents_and_passages_by_id(collection: Collection) -> None:
    for document in collection.documents:
        assert collection.document(document.document_id) is document
        for passage in document.passages:
            assert collection.passage(passage.passage_id) is passage
    assert len(collection.passages) == sum(len(d.passages) for d in collection.documents) == 422
    assert collection.passage("0" * 16) is None


def test_a_document_that_is_not_held(collection: Collection) -> None:
    with pytest.raises(UnknownDocument) as caught:
        collection.document("0" * 16)
    assert caught.value.advice == "No document of that id. List the ids: trogiup docs list"
    assert caught.value.context == {"document_id": "0" * 16}


def test_documents_by_number(collection: Collection) -> None:
    assert collection.numbered("2735/KH-UBND") is source(DONG_NAI)
    assert collection.numbered("9999/KH-UBND") is None


def test_a_secondary_source_takes_its_province_from_its_original(collection: Collection) -> None:
    assert collection.original(source(ARTICLE)) is source(DONG_NAI)
    assert collection.original(source(DONG_NAI)) is None
    assert collection.province(source(ARTICLE)) == "Đồng Nai"
    assert Collection((source(ARTICLE),)).province(source(ARTICLE)) is None
    assert Collection((source(ARTICLE),)).provinces == ()


def test_provinces_in_order_of_appearance(collection: Collection) -> None:
    assert collection.provinces == ("Đồng Nai", "Hà Nam", "Cà Mau", "Hưng Yên")
    assert Collection((source(HUNG_YEN), source(CA_MAU), source(HA_NAM))).provinces == ("Hưng Yên", "Cà Mau", "Hà Nam")
    assert Collection(()).passages == ()


@pytest.mark.parametrize("name", ALL)
def test_a_document_comes_back_from_its_line(name: str) -> None:
    line = dump(source(name))
    assert "\n" not in line
    assert parse(line) == source(name)
    assert parse_metadata(dump_metadata(source(name).metadata)) == source(name).metadata


@given(st.text(min_size=1).filter(lambda text: any(c.isalpha() for c in text)), st.sampled_from([None, 3]), st.booleans())
def test_any_document_comes_back(text: str, pages: int | None, ocr: bool) -> None:
    document = replace(made(f"KẾ HOẠCH\n\nI. MỤC TIÊU\n\n{text}"), pages=pages, ocr=ocr)
    assert parse(dump(document)) == document


RAW = json.loads(dump(source(HUNG_YEN)))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        dump(source(HUNG_YEN))[:-20],
        json.dumps({name: value for name, value in RAW.items() if name != "text"}),
        json.dumps(RAW | {"sections": None}),
        json.dumps(RAW | {"passages": [{}]}),
        json.dumps(RAW | {"metadata": "none"}),
        json.dumps(RAW | {"metadata": RAW["metadata"] | {"valid_to": "2020-13-45"}}),
        json.dumps(RAW | {"metadata": RAW["metadata"] | {"unknown": 1}}),
        json.dumps(RAW | {"metadata": RAW["metadata"] | {"facts": [["number"]]}}),
    ],
)
def test_a_damaged_line_is_refused(line: str) -> None:
    with pytest.raises(KnowledgeError) as caught:
        parse(line)
    assert caught.value.advice.endswith("trogiup index build")


@pytest.mark.parametrize("line", ["", "[]", "{}", '{"issued_on": 5}'])
def test_damaged_metadata_is_refused(line: str) -> None:
    with pytest.raises(KnowledgeError) as caught:
        parse_metadata(line)
    assert caught.value.advice.endswith("trogiup ingest")
