"""Dense search: FAISS over unit vectors, inner product. Flat while small (0.6 ms at 10,000 passages), IVF past that size."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from index.encoder import Vectors
from knowledge.errors import SnapshotDamaged

FLAT_UP_TO = 50_000
"""Passages. Flat costs 12.6 ms at 100,000, IVF 0.27 ms (docs/decisions/)."""
_PROBED = 16
"""Cells of an IVF index that a query looks into."""


class DenseIndex:
    """Cosine similarity of passages to a query vector."""

    def __init__(self, engine: faiss.Index) -> None:
        faiss.omp_set_num_threads(1)  # one question's search is too short to share: more threads only wait for each other
        self._engine = engine

    @classmethod
    def build(cls, vectors: Vectors) -> DenseIndex:
        """From unit vectors, shape (passages, dimensions), float32."""
        count, dimensions = vectors.shape
        flat = faiss.IndexFlatIP(dimensions)
        if count <= FLAT_UP_TO:
            flat.add(vectors)
            return cls(flat)
        cells = faiss.IndexIVFFlat(flat, dimensions, int(4 * np.sqrt(count)), faiss.METRIC_INNER_PRODUCT)
        cells.train(vectors)
        cells.add(vectors)
        cells.nprobe = _PROBED
        return cls(cells)

    def vectors(self) -> Vectors:
        """What it was built from, shape (passages, dimensions)."""
        if isinstance(self._engine, faiss.IndexIVF):
            self._engine.make_direct_map()
        return np.ascontiguousarray(self._engine.reconstruct_n(0, self.size), dtype=np.float32)

    def refilled(self, vectors: Vectors) -> DenseIndex:
        """One of other vectors, most of them the same: the cells stay where they are."""
        if isinstance(self._engine, faiss.IndexIVF) != (len(vectors) > FLAT_UP_TO):
            return DenseIndex.build(vectors)
        engine = faiss.clone_index(self._engine)
        engine.reset()
        engine.add(vectors)
        return DenseIndex(engine)

    def save(self, path: Path) -> None:
        """Into one file. OSError when it does not fit; FAISS, left to write for itself, does not say so when it closes the file."""
        path.write_bytes(faiss.serialize_index(self._engine).data)

    @classmethod
    def load(cls, path: Path) -> DenseIndex:
        """SnapshotDamaged when the file is no FAISS index."""
        try:
            return cls(faiss.read_index(str(path)))
        except RuntimeError as error:
            raise SnapshotDamaged("The vector index is damaged. Run: trogiup index build.") from error

    @property
    def size(self) -> int:
        """Passages held."""
        return int(self._engine.ntotal)

    def search(self, vector: Vectors, k: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Positions and similarities of the k nearest, best first; -1 where an IVF index finds fewer. `vector`: shape (dimensions,)."""
        similarities, positions = self._engine.search(vector[None, :], min(k, self.size))
        return positions[0], similarities[0]
