"""Alembic's folder: env.py runs the revisions of versions/ in the transaction that knowledge.store.migrate hands it."""
