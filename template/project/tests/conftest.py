"""The fixtures `mpstock_clock` and `mpstock_ledger` come with mpstock: it is a plugin of pytest, too."""

from hypothesis import settings

# How long one example takes says more about the machine than about the code.
settings.register_profile("plugin", deadline=None)
settings.load_profile("plugin")
