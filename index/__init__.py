"""Finding passages: encoder, lexical and dense search, fusion, snapshots, evaluation."""
