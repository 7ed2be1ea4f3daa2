"""
How migrations run: on the connection they are handed, in its transaction, so that all of an upgrade is kept or none.

Additive first: a migration adds tables, columns with defaults, and indexes. It never renames or drops what the version
before still reads; that waits for one release later. So a backup of either version can be read by the newer one.
"""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
