"""The encoder: always a sentence-transformers model. The embedded one is made here from the collection; any other comes by name or folder.

The embedded model is static: each folded syllable has a vector from a truncated SVD of its positive pointwise mutual information with the
syllables around it (Levy & Goldberg 2014, "Neural word embedding as implicit matrix factorization"), weighted by a/(a+p) (Arora et al. 2017, SIF).
It needs no download, is made in a second or two, and is saved and loaded by sentence-transformers like any model.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from knowledge.errors import IndexFault
from knowledge.text import fold, nfc, words

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Vectors = npt.NDArray[np.float32]

DIMENSIONS = 128
_WINDOW = 6
_SIF = 1e-3
_UNKNOWN = "[UNK]"


class Encoder(Protocol):
    """Texts → unit vectors, shape (len(texts), dimensions), float32, C order."""

    @property
    def fingerprint(self) -> str:
        """What a snapshot records: another fingerprint, other vectors."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors; a text without a known word is the zero vector."""
        ...


class SentenceTransformerEncoder:
    """Any sentence-transformers model. `folded`: the embedded model was made from folded text and wants it."""

    def __init__(self, model: SentenceTransformer, fingerprint: str, *, folded: bool = False) -> None:
        self._model = model
        self._folded = folded
        self.fingerprint = fingerprint

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See Encoder."""
        prepared = [fold(nfc(text)) for text in texts] if self._folded else [nfc(text) for text in texts]
        vectors = self._model.encode(prepared, convert_to_numpy=True, normalize_embeddings=True, show_progress_bar=False)
        return np.ascontiguousarray(np.nan_to_num(vectors), dtype=np.float32)


def load_encoder(name_or_folder: str) -> SentenceTransformerEncoder:
    """A model by hub name or folder. IndexFault when it cannot be loaded."""
    _quiet()
    from sentence_transformers import SentenceTransformer

    try:
        model = SentenceTransformer(name_or_folder, device="cpu")
    except Exception as error:  # what a hub or a damaged folder raises is not one type
        raise IndexFault(f"Không nạp được bộ mã hóa {name_or_folder}. Hãy kiểm tra TROGIUP_ENCODER.", encoder=name_or_folder) from error
    folder = Path(name_or_folder)
    return SentenceTransformerEncoder(model, f"st:{_digest(folder) if folder.is_dir() else name_or_folder}")


def load_static(folder: Path) -> SentenceTransformerEncoder:
    """The embedded model of a snapshot."""
    _quiet()
    from sentence_transformers import SentenceTransformer

    try:
        model = SentenceTransformer(str(folder), device="cpu")
    except Exception as error:
        raise IndexFault("Bộ mã hóa trong chỉ mục bị hỏng. Hãy chạy: trogiup index build.") from error
    return SentenceTransformerEncoder(model, f"static:{_digest(folder)}", folded=True)


def build_static(texts: Iterable[str], folder: Path, seed: int = 0) -> SentenceTransformerEncoder:
    """Makes the embedded model from `texts`, saves it in `folder` and loads it back."""
    _quiet()
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, pre_tokenizers

    sentences = [words(text) for text in texts]
    counts = Counter(word for sentence in sentences for word in sentence)
    vocabulary = [_UNKNOWN, *sorted(counts)]
    ids = {word: at for at, word in enumerate(vocabulary)}
    vectors = _vectors([[ids[word] for word in sentence] for sentence in sentences], len(vocabulary), seed)
    total = sum(counts.values()) or 1
    weights = np.array([0.0, *(_SIF / (_SIF + counts[word] / total) for word in vocabulary[1:])], dtype=np.float32)
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token=_UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(pre_tokenizers_pattern(), "removed")
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=vectors * weights[:, None])], device="cpu")
    model.save(str(folder), create_model_card=False)
    return load_static(folder)


def pre_tokenizers_pattern() -> object:
    """What separates words: everything that is no letter or digit."""
    from tokenizers import Regex

    return Regex(r"[^\p{L}\p{N}]+")


def _vectors(sentences: Sequence[Sequence[int]], size: int, seed: int) -> Vectors:
    """PPMI over a window, then truncated SVD: (size, ≤ DIMENSIONS) float32."""
    from scipy.sparse import coo_matrix
    from sklearn.decomposition import TruncatedSVD

    pairs: Counter[tuple[int, int]] = Counter()
    for sentence in sentences:
        for at, word in enumerate(sentence):
            for other in sentence[max(0, at - _WINDOW) : at + _WINDOW + 1]:
                pairs[word, other] += 1
    if not pairs:
        return np.zeros((size, DIMENSIONS), dtype=np.float32)
    rows, columns = np.array(list(pairs)).T
    counts = np.fromiter(pairs.values(), dtype=np.float64)
    matrix = coo_matrix((counts, (rows, columns)), shape=(size, size)).tocsr()
    marginal = np.asarray(matrix.sum(axis=1)).ravel()
    cooc = matrix.tocoo()
    information = np.log(cooc.data * counts.sum() / (marginal[cooc.row] * marginal[cooc.col] ** 0.75 * marginal.sum() ** 0.25))
    positive = np.maximum(information, 0)
    ppmi = coo_matrix((positive, (cooc.row, cooc.col)), shape=(size, size)).tocsr()
    dimensions = min(DIMENSIONS, size - 1)
    svd = TruncatedSVD(dimensions, random_state=seed, n_iter=4)
    reduced = svd.fit_transform(ppmi) / np.sqrt(np.maximum(svd.singular_values_, 1e-9))
    return np.ascontiguousarray(reduced, dtype=np.float32)


def _digest(folder: Path) -> str:
    """16 hex digits over the names and bytes of a model's files."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(str(path.relative_to(folder)).encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _quiet() -> None:
    """transformers writes progress bars and asks for hubs; neither belongs in a service."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
