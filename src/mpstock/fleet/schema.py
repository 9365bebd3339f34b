"""The fleet's own tables, beside Procrastinate's and the ledgers' in one database."""

from __future__ import annotations

__all__ = ["TABLES", "VERSION"]

VERSION = 1
"""Rises with each change of the tables."""

TABLES = """
CREATE TABLE IF NOT EXISTS mpstock_fleet (
    version integer NOT NULL
);
CREATE TABLE IF NOT EXISTS mpstock_fleet_settings (
    tenant text PRIMARY KEY,
    settings text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS mpstock_fleet_tenants (
    tenant text PRIMARY KEY,
    revision text NOT NULL,
    enrolled text NOT NULL DEFAULT '',
    lock text NOT NULL,
    error text NOT NULL DEFAULT '',
    seen_at timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS mpstock_fleet_accounts (
    tenant text NOT NULL REFERENCES mpstock_fleet_tenants ON DELETE CASCADE,
    sink text NOT NULL,
    account text NOT NULL,
    PRIMARY KEY (tenant, sink)
);
CREATE INDEX IF NOT EXISTS mpstock_fleet_accounts_account ON mpstock_fleet_accounts (account);
CREATE TABLE IF NOT EXISTS mpstock_fleet_tasks (
    tenant text NOT NULL REFERENCES mpstock_fleet_tenants ON DELETE CASCADE,
    task text NOT NULL,
    adapter text NOT NULL DEFAULT '',
    recurs text NOT NULL DEFAULT '',
    zone text NOT NULL DEFAULT 'UTC',
    due_at timestamptz,
    due_for timestamptz,
    begun_at timestamptz,
    ended_at timestamptz,
    status text NOT NULL DEFAULT 'waiting',
    error text NOT NULL DEFAULT '',
    failures integer NOT NULL DEFAULT 0,
    seconds double precision,
    pushed bigint NOT NULL DEFAULT 0,
    worker text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, task, adapter)
);
CREATE INDEX IF NOT EXISTS mpstock_fleet_tasks_due ON mpstock_fleet_tasks (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS mpstock_fleet_pace (
    key text PRIMARY KEY,
    state text NOT NULL
) WITH (fillfactor = 50);
"""
"""What `mpstock fleet init` makes; it may be run again."""
