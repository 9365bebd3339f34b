"""Alembic's folder: `versions/` holds one module per schema change, oldest first."""
