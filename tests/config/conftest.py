from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mpstock.config import Configuration, load
from mpstock.plugins import PluginRegistry
from tests.config.shop import Load, ShopPlugin


@pytest.fixture
def plugins() -> PluginRegistry:
    """The built-in plugins and `shop`, nothing that happens to be installed."""
    registry = PluginRegistry(entry_points=[])
    registry.register(ShopPlugin(), "shop")
    return registry


@pytest.fixture
def load_text(tmp_path: Path, plugins: PluginRegistry) -> Load:
    """Load a settings file with this text, in an environment of these variables alone."""

    def load_it(text: str, environ: dict[str, str] | None = None, **options: Any) -> Configuration:
        path = tmp_path / "mpstock.toml"
        path.write_text(text, encoding="utf-8")
        return load(path, plugins=plugins, environ=environ or {}, **options)

    return load_it
