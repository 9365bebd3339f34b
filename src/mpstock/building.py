"""Builds an adapter from its settings, and says whose fault it is when that fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mpstock.errors import ConfigurationError, PluginError
from mpstock.plugin_checks import describe_exception
from mpstock.redaction import Redactor

if TYPE_CHECKING:
    from mpstock.config import SinkConfig, SourceConfig
    from mpstock.interfaces import Context

__all__ = ["build_adapter"]


def build_adapter(
    table: str,
    config: SourceConfig | SinkConfig,
    context: Context,
    check: Callable[[Any], None],
    plugin: str,
) -> object:
    """Call the factory of a configured adapter and hold what it returns to its contract by `check`.

    `table` is `sources` or `sinks`, `plugin` names the plugin in messages. No message has a secret of
    the adapter in it.

    Raises:
        PluginError: the factory failed, or (`PluginContractError`) it returned something else.
        ConfigurationError: the factory finds the settings unusable.
    """
    if config.spec is None:
        raise ValueError(f"{config.name} has no plugin to build it: it was made in code")
    redact = Redactor(config.secrets)
    failure: PluginError | ConfigurationError
    try:
        adapter = config.spec.factory(config.settings, context)
        check(adapter)
        return adapter
    except ConfigurationError as error:
        failure = ConfigurationError(redact(str(error)), place=f"[{table}.{config.name}]")
    except PluginError as error:
        failure = type(error)(redact(f"{config.name}, plugin {plugin}: {error}"))
    except Exception as error:
        reason = redact(describe_exception(error))
        failure = PluginError(f"{config.name}: the plugin {plugin} could not build it: {reason}")
    # Raised out here, so that no chained exception tells what was redacted.
    raise failure
