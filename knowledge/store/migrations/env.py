"""How Alembic runs here: on the connection it is handed, inside that connection's transaction. There is no alembic.ini.

A new revision: write versions/NNNN_what.py by hand; test_store.py says whether it makes what schema.py describes.
"""

from alembic import context

from knowledge.store.schema import VERSION_TABLE, Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
