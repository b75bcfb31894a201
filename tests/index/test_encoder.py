"""The embedded static model, and any other sentence-transformers model by its folder."""

from __future__ import annotations

import resource
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from index.encoder import DIMENSIONS, StaticEncoder, build_static, load_encoder, load_static
from knowledge.errors import IndexFault
from knowledge.text import fold

TEXTS = (
    "Trung tâm bảo trợ xã hội nuôi dưỡng người già cô đơn",
    "Trung tâm bảo trợ xã hội nuôi dưỡng trẻ em mồ côi",
    "Cơ sở trợ giúp người khuyết tật nặng phục hồi chức năng",
    "Phục hồi chức năng cho người khuyết tật tại cộng đồng",
    "Tổng đài điện thoại tư vấn trẻ em bị bạo lực",
    "Nhân viên công tác xã hội tư vấn cho gia đình có bạo lực",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("encoders") / "static"


@pytest.fixture(scope="module")
def encoder(folder: Path) -> StaticEncoder:
    return build_static(TEXTS, folder)


@contextmanager
def file_size_limited(limit: int) -> Iterator[None]:
    """As on a full disk: no file of this process grows past so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_it_is_a_sentence_transformers_model(encoder: StaticEncoder, folder: Path) -> None:
    """Read by the library itself from the folder, it gives the same vectors, for unknown words too."""
    from sentence_transformers import SentenceTransformer

    library = SentenceTransformer(str(folder), device="cpu")
    folded = [*(fold(text) for text in TEXTS), "nguoi zebra", ""]
    np.testing.assert_allclose(encoder.encode(folded), library.encode(folded, normalize_embeddings=True), atol=1e-6)


def test_neither_the_library_nor_torch_is_imported_for_it(encoder: StaticEncoder, folder: Path) -> None:
    code = """
import sys
from pathlib import Path
from index.encoder import load_static
assert load_static(Path(sys.argv[1])).encode(["tre em"]).any()
assert not {"torch", "transformers", "sentence_transformers"} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True, cwd=Path(__file__).parents[2])


def test_vectors_have_length_one(encoder: StaticEncoder) -> None:
    vectors = encoder.encode(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.flags.c_contiguous
    assert vectors.shape[0] == len(TEXTS)
    assert vectors.shape[1] <= DIMENSIONS
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_a_batch_gives_what_one_by_one_gives(encoder: StaticEncoder) -> None:
    np.testing.assert_allclose(encoder.encode(TEXTS), np.vstack([encoder.encode([text]) for text in TEXTS]), atol=1e-6)


@pytest.mark.parametrize(
    "typed", ["nguoi khuyet tat", "NGƯỜI KHUYẾT TẬT", unicodedata.normalize("NFD", "Người khuyết tật"), "người – khuyết tật?"]
)
def test_folded_input_equals_accented(encoder: StaticEncoder, typed: str) -> None:
    mine, theirs = encoder.encode([typed, "Người khuyết tật"])
    assert mine.any()
    np.testing.assert_allclose(mine, theirs, atol=1e-6)


@pytest.mark.parametrize("text", ["hypnosis zebra", "", "🙂", "  \n"])
def test_without_a_known_word_the_vector_is_zero(encoder: StaticEncoder, text: str) -> None:
    assert not encoder.encode([text]).any()


def test_unknown_words_do_not_turn_a_vector(encoder: StaticEncoder) -> None:
    mine, theirs = encoder.encode(["hypnosis trẻ em zebra", "trẻ em"])
    np.testing.assert_allclose(mine, theirs, atol=1e-6)


def test_texts_of_one_subject_are_nearer(encoder: StaticEncoder) -> None:
    disability, rehabilitation, phone = encoder.encode(["người khuyết tật nặng", "phục hồi chức năng", "tổng đài điện thoại"])
    assert disability @ rehabilitation > disability @ phone


def test_the_same_texts_make_the_same_model(encoder: StaticEncoder, folder: Path, tmp_path: Path) -> None:
    again = build_static(TEXTS, tmp_path / "again")
    assert again.fingerprint == encoder.fingerprint == load_static(folder).fingerprint
    np.testing.assert_array_equal(again.encode(TEXTS), encoder.encode(TEXTS))


def test_other_texts_make_another_fingerprint(encoder: StaticEncoder, tmp_path: Path) -> None:
    assert build_static(TEXTS[:-1], tmp_path / "other").fingerprint != encoder.fingerprint


@pytest.mark.parametrize("texts", [[], [""], ["một"], ["một hai"]], ids=["none", "empty", "one word", "two words"])
def test_next_to_no_text_still_makes_a_model(texts: list[str], tmp_path: Path) -> None:
    vectors = build_static(texts, tmp_path / "small").encode(["một", "hai"])
    assert vectors.shape[0] == 2
    assert np.isfinite(vectors).all()


def test_a_damaged_model_says_what_to_do(encoder: StaticEncoder, folder: Path, tmp_path: Path) -> None:
    build_static(TEXTS, tmp_path / "damaged")
    weights = tmp_path / "damaged" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(IndexFault, match="trogiup index build"):
        load_static(tmp_path / "damaged")


@pytest.mark.parametrize("limit", [10, 600, 2_000])
def test_a_full_disk_is_an_os_error_whoever_was_writing(limit: int, tmp_path: Path) -> None:
    """Of the three files that the model is saved in, each is written by another library."""
    with file_size_limited(limit), pytest.raises(OSError):  # noqa: PT011 - the number is not the same with all of them
        build_static(TEXTS, tmp_path / "full")


# Another model


@pytest.fixture(scope="module")
def other_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers model as somebody else would save one: it minds case and marks."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["[UNK]", "Người", "già", "giá", "cô", "đơn"]
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    weights = np.eye(len(words), 8, dtype=np.float32)
    folder = tmp_path_factory.mktemp("models") / "other"
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=weights)], device="cpu").save(str(folder))
    return folder


def test_another_model_by_its_folder(other_folder: Path) -> None:
    encoder = load_encoder(str(other_folder))
    vectors = encoder.encode(["già", "Người già"])
    np.testing.assert_allclose(vectors[0], np.eye(8)[2], atol=1e-6)
    np.testing.assert_allclose(vectors[1], (np.eye(8)[1] + np.eye(8)[2]) / np.sqrt(2), atol=1e-6)


def test_another_model_is_given_the_marks_in_nfc(other_folder: Path) -> None:
    encoder = load_encoder(str(other_folder))
    marked, decomposed, differently = encoder.encode(["già", unicodedata.normalize("NFD", "già"), "giá"])
    np.testing.assert_array_equal(marked, decomposed)
    assert marked @ differently == 0


def test_the_fingerprint_is_that_of_the_files(other_folder: Path, tmp_path: Path) -> None:
    before = load_encoder(str(other_folder)).fingerprint
    assert before.startswith("st:")
    assert before == load_encoder(str(other_folder)).fingerprint
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in other_folder.rglob("*"):
        if path.is_file():
            (copy / path.relative_to(other_folder)).write_bytes(path.read_bytes())
    assert load_encoder(str(copy)).fingerprint == before
    (copy / "README.md").write_text("another")
    assert load_encoder(str(copy)).fingerprint != before


@pytest.mark.parametrize("name", ["/no/such/folder", "./no-such-folder", "~/no-such-folder"])
def test_a_folder_that_is_not_there_says_what_to_do(name: str) -> None:
    with pytest.raises(IndexFault, match="TROGIUP_ENCODER"):
        load_encoder(name)


def test_a_folder_without_a_model_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no model")
    with pytest.raises(IndexFault, match="TROGIUP_ENCODER"):
        load_encoder(str(tmp_path))
