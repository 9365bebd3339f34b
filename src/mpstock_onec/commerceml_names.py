"""Which article an offer is: the template `sku` of the settings, filled in with what the files call it."""

from __future__ import annotations

import re
from collections.abc import Callable
from string import Formatter

from mpstock.rows import trimmed
from mpstock_onec.commerceml import Offer
from mpstock_onec.commerceml_index import Names

__all__ = ["FIELDS", "SkuTemplate", "UnnamedError"]

FIELDS = ("article", "characteristic", "characteristic_id", "barcode", "id", "product_id")
"""What a template may name: Артикул, the values of ХарактеристикиТовара, the part of Ид behind `#`,
Штрихкод, the whole Ид, and its part before `#`."""

_UNFIT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_LOOKED_UP = {"article": "Артикул", "characteristic": "ХарактеристикиТовара", "barcode": "Штрихкод"}


class UnnamedError(ValueError):
    """The offer cannot be told to be a product. The text says what is missing and how to mend it."""


class SkuTemplate:
    """A text such as `{article}-{characteristic}`.

    Where a product has no characteristics, what stands for one is left out together with the separator
    before it: `A-1` and not `A-1-`.
    """

    def __init__(self, template: str) -> None:
        """Read a template.

        Raises:
            ValueError: it is no template; says what is wrong.
        """
        try:
            parts = [(text, name) for text, name, form, _ in Formatter().parse(template) if not form]
        except ValueError as error:
            raise ValueError(f"is {template!r}, whose braces do not match ({error})") from None
        names = [name for _, name in parts if name is not None]
        unknown = [name for name in names if name not in FIELDS]
        if unknown or not names:
            there = ", ".join(f"{{{name}}}" for name in FIELDS)
            what = f"names {{{unknown[0]}}}" if unknown else "names nothing of an offer"
            raise ValueError(f'{what}; it may be built of {there}, as in "{{article}}-{{characteristic}}"')
        self._parts = parts
        self.names = frozenset(names)
        self.needs_names = not self.names.isdisjoint(_LOOKED_UP)
        self.tells_characteristics = not self.names.isdisjoint(("characteristic", "characteristic_id", "id"))

    def __call__(self, offer: Offer, find: Callable[[str], Names | None]) -> str:
        """Return the article; `find` tells what goods and offers are called by their Ид.

        Raises:
            UnnamedError: something that the template names is not known.
        """
        product_id, _, characteristic_id = offer.id.partition("#")
        written: list[str] = []
        for text, name in self._parts:
            if name is None:
                written.append(text)
                continue
            if name in _LOOKED_UP:
                value = self._named(name, offer, product_id, find)
            else:
                value = {"id": offer.id, "product_id": product_id, "characteristic_id": characteristic_id}[
                    name
                ]
            if value:
                written += [text, value]
            elif name not in ("characteristic", "characteristic_id") or characteristic_id:
                raise UnnamedError(_missing(name, offer))
        sku = trimmed("".join(written))
        if not sku or _UNFIT.search(sku):
            raise UnnamedError(f"its article would be {sku!r}, which is none; mend it in 1C")
        return sku

    def _named(self, name: str, offer: Offer, product_id: str, find: Callable[[str], Names | None]) -> str:
        if said := str(getattr(offer, name)).strip():
            return said
        for identifier in dict.fromkeys((offer.id, product_id)):
            if (names := find(identifier)) and (said := str(getattr(names, name)).strip()):
                return said
        return ""


def _missing(name: str, offer: Offer) -> str:
    if not offer.id:
        return "it has no Ид, so it cannot be told which product it is"
    if name in _LOOKED_UP:
        where = "import*.xml and offers*.xml" if name != "article" else "import*.xml"
        return (
            f"no {_LOOKED_UP[name]} is known of {offer.id}: neither here nor in {where} beside it. Fill it "
            f"in "
            "in 1C, keep those files in the folder, or build sku of something else"
        )
    return f"its Ид {offer.id!r} has nothing for {{{name}}}"
