"""The encoder: always a sentence-transformers model. The embedded one is made here from the collection; any other comes by name or folder.

The embedded model is static: each folded syllable has a vector from a truncated SVD of its positive pointwise mutual information with the
syllables around it (Levy & Goldberg 2014, "Neural word embedding as implicit matrix factorization"), weighted by a/(a+p) (SIF, Arora et al.
2017). It needs no download, is made in a second or two, and is saved and loaded by sentence-transformers like any model.
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
    from tokenizers import Tokenizer

Vectors = npt.NDArray[np.float32]

DIMENSIONS = 128
_WINDOW = 6
_SIF = 1e-3
_NOISE = 1e-6
"""Singular values below this share of the largest are rounding."""
_DECIMALS = 6
_UNKNOWN = "[UNK]"
_BETWEEN_WORDS = r"[^\p{L}\p{N}]+"
_PATHS = ("/", "./", "../", "~")


class Encoder(Protocol):
    """Texts → unit vectors, shape (len(texts), dimensions), float32, C order."""

    @property
    def fingerprint(self) -> str:
        """What a snapshot records: another fingerprint, other vectors."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors; a text without a known word is the zero vector of the embedded model."""
        ...


class StaticEncoder:
    """The embedded model: the mean of the vectors of a text's words. What sentence-transformers gives for its folder (a test compares),
    without that library and torch, which take seconds and a hundred megabytes to import."""

    def __init__(self, tokenizer: Tokenizer, table: Vectors, fingerprint: str) -> None:
        """`table`: a row for each of the tokenizer's words."""
        self.fingerprint = fingerprint
        self._tokenizer, self._table = tokenizer, table

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See Encoder."""
        return np.stack([self._mean(fold(nfc(text))) for text in texts])

    def _mean(self, text: str) -> Vectors:
        rows = self._table[self._tokenizer.encode(text, add_special_tokens=False).ids]
        mean = rows.mean(axis=0) if len(rows) else np.zeros(self._table.shape[1], dtype=np.float32)
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), dtype=np.float32)


class SentenceTransformerEncoder:
    """Any sentence-transformers model."""

    def __init__(self, model: SentenceTransformer, fingerprint: str) -> None:
        self.model = model
        self.fingerprint = fingerprint

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See Encoder."""
        prepared = [nfc(text) for text in texts]
        vectors = self.model.encode(prepared, convert_to_numpy=True, normalize_embeddings=True, show_progress_bar=False)
        return np.ascontiguousarray(vectors, dtype=np.float32)


def load_encoder(name_or_folder: str) -> SentenceTransformerEncoder:
    """A model by hub name or folder. IndexFault when it cannot be loaded."""
    folder = Path(name_or_folder).expanduser()
    if name_or_folder.startswith(_PATHS) and not folder.is_dir():
        raise IndexFault(f"There is no folder {name_or_folder}: correct TROGIUP_ENCODER.", encoder=name_or_folder)
    local = folder.is_dir()
    _quiet()
    from sentence_transformers import SentenceTransformer

    try:
        model = SentenceTransformer(str(folder) if local else name_or_folder, device="cpu")
    except Exception as error:  # what a hub or a damaged folder raises is not one type
        advice = f"The encoder {name_or_folder} could not be loaded: TROGIUP_ENCODER must name a sentence-transformers model or its folder."
        raise IndexFault(advice, encoder=name_or_folder) from error
    return SentenceTransformerEncoder(model, f"st:{_digest(folder) if local else name_or_folder}")


def load_static(folder: Path) -> StaticEncoder:
    """The embedded model of a snapshot. IndexFault when it cannot be loaded."""
    _quiet()
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        table = load_file(folder / "model.safetensors")["embedding.weight"]
    except Exception as error:  # each of the two libraries has its own
        raise IndexFault("The encoder of the index could not be loaded. Run: trogiup index build.") from error
    return StaticEncoder(tokenizer, table, f"static:{_digest(folder)}")


def build_static(texts: Iterable[str], folder: Path, seed: int = 0) -> StaticEncoder:
    """Makes the embedded model from `texts`, saves it in `folder` and loads it back. OSError when it cannot be written."""
    _quiet()
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    sentences = [words(text) for text in texts]
    counts = Counter(word for sentence in sentences for word in sentence)
    vocabulary = [_UNKNOWN, *sorted(counts)]
    ids = {word: at for at, word in enumerate(vocabulary)}
    vectors = _vectors([[ids[word] for word in sentence] for sentence in sentences], len(vocabulary), seed)
    total = sum(counts.values()) or 1
    weights = np.array([0.0, *(_SIF / (_SIF + counts[word] / total) for word in vocabulary[1:])], dtype=np.float32)
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token=_UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(_BETWEEN_WORDS), "removed")
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=vectors * weights[:, None])], device="cpu")
    try:
        model.save(str(folder), create_model_card=False)
    except OSError:
        raise
    except Exception as error:  # safetensors and tokenizers have their own for a full disk
        raise OSError(f"the encoder could not be written: {error}") from error
    return load_static(folder)


def _vectors(sentences: Sequence[Sequence[int]], size: int, seed: int) -> Vectors:
    """PPMI over a window, then truncated SVD: (size, ≤ DIMENSIONS) float32. Contexts are smoothed by 0.75 (Levy et al. 2015)."""
    from scipy.sparse import csr_array
    from scipy.sparse.linalg import svds
    from threadpoolctl import threadpool_limits

    pairs: Counter[tuple[int, int]] = Counter()
    for sentence in sentences:
        for at, word in enumerate(sentence):
            for other in sentence[max(0, at - _WINDOW) : at + _WINDOW + 1]:
                pairs[word, other] += 1
    if not pairs:
        return np.zeros((size, DIMENSIONS), dtype=np.float32)
    rows, columns = np.array(list(pairs)).T
    counts = np.fromiter(pairs.values(), dtype=np.float64)
    marginal = np.bincount(rows, counts, size)
    total = counts.sum()
    information = np.log(counts * total / (marginal[rows] * marginal[columns] ** 0.75 * total**0.25))
    positive = np.maximum(information, 0)
    if not positive.any():
        return np.zeros((size, DIMENSIONS), dtype=np.float32)
    ppmi = csr_array((positive, (rows, columns)), shape=(size, size))
    with threadpool_limits(1):  # threads add up in any order, and the same texts shall make the same model
        left, strengths, _ = svds(ppmi, k=min(DIMENSIONS, size - 1), v0=np.random.default_rng(seed).standard_normal(size))
    kept = strengths > _NOISE * strengths.max()  # beyond the matrix's rank the solver's vectors are whatever rounding left
    return _canonical(left[:, kept] * np.sqrt(strengths[kept]))


def _canonical(vectors: npt.NDArray[np.float64]) -> Vectors:
    """A singular vector's sign and its last digits are the solver's choice of the day (memory alignment decides): both are settled here."""
    rounded = np.round(vectors, _DECIMALS)
    large = np.abs(rounded) >= np.abs(rounded).max(axis=0, initial=0.0) / 2
    signs = np.sign(rounded[large.argmax(axis=0), np.arange(rounded.shape[1])])
    return np.ascontiguousarray(rounded * signs + 0.0, dtype=np.float32)  # + 0.0: no negative zeros


def _digest(folder: Path) -> str:
    """16 hex digits over the names and bytes of a model's files."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        with path.open("rb") as handle:
            digest.update(str(path.relative_to(folder)).encode() + hashlib.file_digest(handle, "sha256").digest())
    return digest.hexdigest()[:16]


def _quiet() -> None:
    """No progress bars and no reports to a hub, unless somebody set them; to be called before transformers is imported."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
