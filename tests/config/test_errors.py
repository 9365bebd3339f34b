from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from mpstock import Secret
from mpstock.config import load, structure_settings
from mpstock.errors import (
    ConfigurationError,
    PluginContractError,
    PluginLoadError,
    UnknownPluginError,
)
from mpstock.plugins import PluginRegistry
from tests.config.shop import SINK, SOURCE, Load


def refused(load_text: Load, text: str) -> str:
    with pytest.raises(ConfigurationError) as error:
        load_text(text)
    return str(error.value)


def test_a_missing_file_is_named_with_the_mend(tmp_path: Path) -> None:
    """No such file: its path, and that --config names another."""
    with pytest.raises(ConfigurationError, match=r"nothere\.toml.*--config"):
        load(tmp_path / "nothere.toml")
    with pytest.raises(ConfigurationError, match="is a folder"):
        load(tmp_path)


def test_broken_toml_is_told_by_line_and_column(load_text: Load) -> None:
    """A slip in the TOML says where it is."""
    assert "line 2, column 5" in refused(load_text, "[ledger]\nurl sqlite")


def test_a_file_that_is_not_utf8_is_told_by_line(tmp_path: Path) -> None:
    """Windows-1251 in the settings: the line, and to save it as UTF-8."""
    (tmp_path / "mpstock.toml").write_bytes("[ledger]\n# склад".encode("cp1251"))
    with pytest.raises(ConfigurationError, match=r"line 2.*UTF-8"):
        load(tmp_path / "mpstock.toml")


def test_notepads_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    """A file that Windows saved as UTF-8 is read like any other."""
    (tmp_path / "mpstock.toml").write_bytes(b"\xef\xbb\xbf[ledger]\n")
    assert load(tmp_path / "mpstock.toml", plugins=PluginRegistry(entry_points=[])).sinks == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[ledgr]\n", "[ledgr]: unknown table; did you mean ledger?"),
        ("speed = 3\n", "speed: unknown key; the tables are: alerts, clock, guards,"),
        ("[ledger]\nulr = 'x'\n", "[ledger] ulr: unknown key; did you mean url?"),
        ("[guards.zeroing]\nshares = 1\n", "[guards.zeroing] shares: unknown key; did you mean share?"),
        (
            "[guards]\nzeroing = { windw = '1h' }\n",
            "[guards.zeroing] windw: unknown key; did you mean window?",
        ),
        (SOURCE + "bach = 5\n", "[sources.erp] bach: unknown key; did you mean batch?"),
        (SOURCE + "max-age = '1h'\n", "[sources.erp] max-age: unknown key; did you mean max_age?"),
        (
            SOURCE + "[sources.erp.nested]\ntoken='x'\ndept=1\n",
            "[sources.erp.nested] dept: unknown key; did you",
        ),
        (
            SOURCE + "[sources.erp.absorbs.shop]\nlags = '1h'\nbooks_at = 'order'\n" + SINK,
            "did you mean lag?",
        ),
        (
            SINK + "feed = ['a']\n",
            "[[sinks.shop.warehouses]] number 1 feed: unknown key; did you mean feeds?",
        ),
        (
            SOURCE + "[sources.erp.transport]\ntimeot = 5\n",
            "[sources.erp.transport] timeot: unknown key; did you",
        ),
        ("[network]\nproxi = 'x'\n" + SOURCE, "[network] proxi: unknown key; did you mean proxy?"),
        (SINK + "[sinks.shop.buffer]\nabsolut = 3\n", "[sinks.shop.buffer] absolut: unknown key"),
    ],
)
def test_an_unknown_key_names_its_table_and_the_nearest(load_text: Load, text: str, told: str) -> None:
    """Wherever it stands, an unknown key is told with its table and the right one."""
    assert told in refused(load_text, text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SOURCE + "batch = '5'\n", '[sources.erp] batch: must be a whole number, not the text "5"'),
        (SOURCE + "batch = true\n", "batch: must be a whole number, not true"),
        (SOURCE + "batch = 5.0\n", "batch: must be a whole number, not the number 5.0"),
        (SOURCE + "batch = 0\n", "[sources.erp] batch: must be >= 1: 0"),
        (
            SOURCE + "mode = 'fats'\n",
            'mode: must be one of "fast", "slow", not the text "fats": did you mean',
        ),
        (SOURCE + "overlap = 'soon'\n", "overlap: must be a length of time"),
        (SOURCE + "names = 'abc'\n", 'names: must be a list, not the text "abc"'),
        (SOURCE + "names = ['a', 5]\n", "names[2]: must be a text in quotes, not the number 5"),
        (SOURCE + "nested = 5\n", "nested: must be a table, not the number 5"),
        (SOURCE + "file = 5\n", "file: must be a path in quotes"),
        (SOURCE.replace("plugin", "# plugin"), "[sources.erp] plugin: is missing"),
        (SOURCE.replace("base_url", "# base_url"), "[sources.erp] base_url: is missing; it must be a text"),
        (SOURCE.replace("api_key", "# api_key"), 'write api_key = "${API_KEY}"'),
        (SOURCE + "[sources.erp.nested]\n", "[sources.erp.nested] token: is missing"),
        ("sources = 5\n", "sources: must be a table [sources]"),
        ("[sources]\nerp = 5\n", "[sources] erp: must be a table [sources.NAME]"),
        ("[sinks.buffer]\n", "[sinks.buffer]: cannot be a name"),
        ("[sinks.'a.b']\n", "[sinks.a.b]: cannot be a name"),
        (SOURCE + "quantity = 'onhand'\n", 'quantity: must be one of "on_hand", "free"'),
        (SOURCE + "rule = 'avg'\n", 'rule: must be one of "sum", "first", "max", "min"'),
        (SOURCE + "absorbs = ['shop']\n" + SINK, "absorbs: must be a table, not a list"),
        (SOURCE + "absorbs = { shop = {} }\n" + SINK, "[sources.erp.absorbs.shop] books_at: is missing"),
        (
            SOURCE + "absorbs = { sho = {books_at='order'} }\n" + SINK,
            "absorbs] sho: there is no such sink; did you mean",
        ),
        (SINK.replace("[[", "# [[").replace("code", "# code"), "[sinks.shop] warehouses: is missing; add [["),
        (SINK.replace('code = "1"', ""), "[[sinks.shop.warehouses]] number 1 code: is missing"),
        (SINK.replace('code = "1"', 'code = ""'), "number 1 code: is empty"),
        (
            SINK.replace('code = "1"', "code = true"),
            "number 1 code: must be a text in quotes or a whole number",
        ),
        (SINK + "[[sinks.shop.warehouses]]\ncode = 1\n", 'number 2 code: "1" stands above already'),
        (SINK + "feeds = ['main', 'main']\n", 'feeds: has "main" twice'),
        (SINK + "feeds = []\n", "feeds: is an empty list"),
        (SINK + "share = 0\n", "share: must be above 0"),
        (
            SINK + "share = 0.6\n[[sinks.shop.warehouses]]\ncode=2\nshare=0.5\n",
            "share: of 1, 2 add up to 1.1",
        ),
        (SINK + "share = 0.6\n[[sinks.shop.warehouses]]\ncode=2\n", "has to stand with each of 1, 2"),
        ("[ledger]\ntenant = 'shop-1'\n", "[ledger] tenant: is for PostgreSQL"),
        ("[ledger]\nurl = 'postgresql://h/d'\ntenant = ' '\n", "[ledger] tenant: must be a name of 1 to 200"),
        ("[ledger]\nurl = 'mpstock.db'\n", '[ledger] url: must look like "sqlite:///mpstock.db"'),
        (
            SINK + "[sharing]\nbetween_sinks = 'split'\n",
            "[sinks.shop] share: is missing: the stock is split between the sinks",
        ),
        ("[guards.zeroing]\nshare = 10\n", "[guards.zeroing] share: must be from 0 to 1"),
        ("[retention]\nlog = '1h'\n", "[retention] log: must be a day or more"),
        ("[guards.zeroing]\ncount = -1\n", "[guards.zeroing] count: must be 0 or more"),
        ("[schedule]\nfull = 'noon'\n", "[schedule] full: must be a length of time"),
        ("[schedule]\nevery = '15'\n", 'a cron line, or "never", not the text "15"'),
        ("[schedule]\nevery = '0s'\n", 'it must be a second or more; "never" switches it off'),
        ("[schedule]\nfull = 02:00:30\n", "a time of day is to the minute"),
        ("[schedule]\nfull = '0 2 * *'\n", "a cron line has five fields"),
        ("[schedule]\nfull = '0 25 * * *'\n", '"0 25 * * *" is no cron line: bad hour'),
        ("[schedule]\nfull = '0 0 30 2 *'\n", "bad day-of-month"),
        ("[schedule]\nverify = true\n", "[schedule] verify: must be a length of time"),
        ("[schedule]\ntimezone = 'Europe/Moskow'\n", 'did you mean "Europe/Moscow"?'),
        ("[clock]\nspeed = 0\n", "[clock] speed: must be above 0"),
        (
            "[clock]\nanchor = 'noon'\n",
            "[clock] anchor: must be a moment with its offset such as 2026",
        ),
        ("[clock]\nanchor = 2026-01-31T09:00:00\n", "not the time 2026-01-31 09:00:00"),
        (
            SINK + "[sinks.shop.buffer]\nabsolute = -1\n",
            "[sinks.shop.buffer] absolute: must be a whole number of",
        ),
        (SINK + "[sinks.shop.buffer]\npercent = 101\n", "[sinks.shop.buffer] percent: must be from 0 to 100"),
        (SINK + "[sinks.shop.buffer]\ncap = 'x'\n", "[sinks.shop.buffer] cap: must be a whole number"),
        (
            SINK + "[sinks.shop.buffer]\npolicy = 5\n",
            "[sinks.shop.buffer] policy: must be the name of a policy",
        ),
        (SINK + "[sinks.shop.buffer]\npolicy = 'fixed_share'\n", "[sinks.shop.buffer] percent: is missing"),
    ],
)
def test_a_wrong_value_is_told_by_key_table_and_what_was_expected(
    load_text: Load, text: str, told: str
) -> None:
    """A value that cannot be taken says where it stands, what it is and what it should be."""
    assert told in refused(load_text, text)


def test_everything_that_is_wrong_is_told_at_once(load_text: Load) -> None:
    """One run of the command shows all there is to mend, plugins that are missing included."""
    told = refused(load_text, "[x]\n" + SOURCE + "batch = 'a'\nmod = 1\n[sinks.o]\nplugin = 'ozon'\n")
    assert "5 problems" in told
    for part in ("[x]", "[sources.erp] batch", "[sources.erp] mod", "[sinks.o] warehouses", "mpstock-ozon"):
        assert part in told


def test_a_plugin_that_is_not_installed_gets_an_install_hint(load_text: Load) -> None:
    """An unknown plugin's error is of its own type and says what to install."""
    with pytest.raises(
        UnknownPluginError, match=r"\[sinks.o\] plugin: no sink named ozon.*pip install mpstock-ozon"
    ):
        load_text("[sinks.o]\nplugin = 'ozon'\n[[sinks.o.warehouses]]\ncode = 1\n")


def test_a_policy_that_is_not_installed_is_named_with_its_table(load_text: Load) -> None:
    """An unknown buffer policy is told where it stands, with the nearest."""
    with pytest.raises(UnknownPluginError, match=r"\[sinks.shop.buffer\] policy.*did you mean standard"):
        load_text(SINK + "[sinks.shop.buffer]\npolicy = 'standart'\n")


def test_tolerant_leaves_out_what_has_no_plugin(load_text: Load) -> None:
    """`check` can look at the rest: an adapter without a plugin is told in `broken`, the others are there."""
    text = SINK + SOURCE + "[sinks.o]\nplugin = 'ozon'\n[[sinks.o.warehouses]]\ncode = 1\n"
    config = load_text(text, tolerant=True)
    assert list(config.sinks) == ["shop"]
    assert isinstance(config.broken["sinks.o"], UnknownPluginError)
    assert any("mpstock-ozon" in finding.message for finding in config.remarks())
    with pytest.raises(ConfigurationError, match="bach"):
        load_text(text.replace("[sinks.o]", "bach = 1\n[sinks.o]"), tolerant=True)


@pytest.mark.parametrize("value", ["12345678", "['kept-secretly']", "{ a = 'kept-secretly' }", "2026-01-01"])
def test_a_secret_of_the_wrong_type_is_not_shown(load_text: Load, value: str) -> None:
    """The error says what kind of value it was, never the value."""
    told = refused(load_text, SOURCE.replace('"kept-from-all-eyes"', value))
    assert "[sources.erp] api_key: must be a text in quotes" in told
    assert value.strip("[]{} a='") not in told
    assert "kept" not in told


def test_a_validator_that_repeats_a_secret_is_redacted() -> None:
    """What a plugin's own validator says is shown without the secret that it was given."""

    def loud(_: object, __: object, value: Secret) -> None:
        raise ValueError(f"bad key {value.reveal()} of {value}")

    @attrs.frozen
    class Loud:
        key: Secret = attrs.field(validator=loud)

    with pytest.raises(ConfigurationError, match=r"bad key \*\*\* of \*\*\*") as error:
        structure_settings(Loud, {"key": "kept-from-all-eyes"}, "[sinks.x]")
    assert "kept" not in str(error.value)


def test_settings_show_no_secret_in_their_repr(load_text: Load) -> None:
    """Printing the whole configuration shows no secret, the proxy's password included."""
    config = load_text(SINK + SOURCE + "[network]\nproxy = 'http://u:hidden-word@proxy:3128'\n")
    assert "kept-from-all-eyes" not in repr(config)
    assert "hidden-word" not in repr(config)
    assert set(config.secrets) == {"kept-from-all-eyes", "http://u:hidden-word@proxy:3128"}


def test_a_settings_class_that_cannot_be_read_is_the_plugins_fault() -> None:
    """A type that is imported for type checkers only: said so, as a broken contract."""

    @attrs.frozen
    class Unreadable:
        key: NotImportedAtRunTime  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(PluginContractError, match="TYPE_CHECKING"):
        structure_settings(Unreadable, {}, "[sinks.x]")
    with pytest.raises(PluginContractError, match="no attrs class"):
        structure_settings(dict, {}, "[sinks.x]")


def test_sources_of_one_group_have_one_rule(load_text: Load) -> None:
    """Two rules in one group contradict each other; one rule is the whole group's."""
    two = SOURCE + "rule = 'max'\n" + SOURCE.replace("erp", "b")
    assert {source.rule for source in load_text(two).sources.values()} == {"max"}
    assert '"min", and "max" in [sources.erp] of the same group "main"' in refused(
        load_text, two + "rule = 'min'\n"
    )
    other = load_text(two + "rule = 'min'\ngroup = 'other'\n").sources
    assert (other["erp"].rule, other["b"].rule) == ("max", "min")


def test_a_broken_plugin_is_an_error_only_where_it_is_asked_for(tmp_path: Path) -> None:
    """A plugin that does not import stops nobody but those who need it."""
    from importlib.metadata import EntryPoint

    plugins = PluginRegistry(entry_points=[EntryPoint("bad", "no_such_module_of_ours", "mpstock")])
    path = tmp_path / "mpstock.toml"
    path.write_text("[sources.m]\nplugin = 'memory'\n")
    assert list(load(path, plugins=plugins).sources) == ["m"]
    path.write_text("[sources.b]\nplugin = 'bad'\n")
    with pytest.raises(PluginLoadError, match="no_such_module_of_ours"):
        load(path, plugins=plugins)
