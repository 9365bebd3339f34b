"""What is known of one publication beside its balances: names, products, warehouses; read and kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mpstock import Context
from mpstock.errors import RejectedError
from mpstock_onec.odata_catalogue import EMPTY, Catalogue, ref_text
from mpstock_onec.odata_client import OdataClient, in_chunks
from mpstock_onec.odata_plan import Plan, make_plan
from mpstock_onec.odata_urls import any_of
from mpstock_onec.odata_warehouses import WarehouseError, Warehouses

if TYPE_CHECKING:
    from mpstock_onec.odata_settings import OdataSettings

__all__ = ["Library"]


class Library:
    """The plan, the catalogue and the warehouses of a publication.

    `load` reads them all, `learn` single references. `strays` are references that were asked for and
    are not there; they are not asked for again before the next `load`.
    """

    def __init__(self, client: OdataClient, settings: OdataSettings, context: Context, plan: Plan) -> None:
        self._client = client
        self._settings = settings
        self._context = context
        self.plan = plan
        self.catalogue = Catalogue(settings.template, plan)
        self.warehouses = Warehouses({}, {})
        self.strays: set[bytes] = set()
        self.read_at: datetime = context.clock.now()

    @classmethod
    async def load(
        cls, client: OdataClient, settings: OdataSettings, context: Context, plan: Plan | None = None
    ) -> Library:
        """Read everything: the description (if there is no plan yet), products, characteristics, warehouses.

        Raises:
            RejectedError: the settings name something that the publication does not have.
            AuthenticationError, TransientError, UnexpectedResponseError: as `OdataClient.rows`.
        """
        if plan is None:
            plan, lacks = make_plan(settings, await client.schema())
            if lacks:
                told = "; ".join(f"{lack.setting}: {lack}" for lack in lacks)
                raise RejectedError(told, adapter=context.name)
        library = cls(client, settings, context, plan)
        await library.read_warehouses()
        await library._read_catalogue()
        return library

    @property
    def places(self) -> Mapping[str, str | None]:
        """What each warehouse of 1C is called here, by reference; None for those that are not read."""
        chosen = self.warehouses.chosen
        known = {ref: chosen.get(ref) for ref in self.warehouses.known}
        return {ref_text(EMPTY): None, **known, **chosen}

    def is_stale(self) -> bool:
        """Whether the catalogue is older than the settings want it."""
        return self._context.clock.now() - self.read_at >= self._settings.catalogue_every

    async def read_warehouses(self) -> None:
        """Read the catalogue of warehouses."""
        names = self._settings.names
        rows: list[Any] = []
        await self._client.pages(
            f"Catalog_{names.warehouse_catalogue}", self.plan.warehouse_fields, rows.extend
        )
        try:
            self.warehouses = Warehouses.read(rows, self._settings.warehouses)
        except WarehouseError as error:
            raise RejectedError(f"warehouses: {error}", adapter=self._context.name) from None

    async def _read_catalogue(self) -> None:
        names, plan, catalogue, pages = self._settings.names, self.plan, self.catalogue, self._client.pages
        if plan.characteristic_fields:
            entity = f"Catalog_{names.characteristic_catalogue}"
            await pages(entity, plan.characteristic_fields, catalogue.add_characteristics)
        if plan.barcodes is not None:
            fields = plan.barcodes
            await pages(fields.register, fields.select, catalogue.add_barcodes, order="Штрихкод")
        await pages(
            f"Catalog_{names.product_catalogue}",
            plan.product_fields,
            catalogue.add_products,
            condition=plan.product_filter,
        )
        self._context.logger.debug("%d products, %d warehouses", len(catalogue), len(self.warehouses.known))

    async def reread(self, missing: Collection[bytes]) -> None:
        """Read the lists anew, to what is known already: so many products are missing."""
        await self._read_catalogue()
        self._give_up(missing)

    async def learn(self, products: Collection[bytes], characteristics: Collection[bytes]) -> None:
        """Ask for single products and characteristics: those that came after the catalogue was read."""
        names, plan, catalogue = self._settings.names, self.plan, self.catalogue
        new = [ref_text(ref) for ref in products if ref not in self.strays]
        if characteristics and plan.characteristic_fields:
            entity = f"Catalog_{names.characteristic_catalogue}"
            fresh = [ref_text(ref) for ref in characteristics if ref not in self.strays]

            async def ask_characteristics(refs: list[str]) -> None:
                await self._few(entity, plan.characteristic_fields, refs, catalogue.add_characteristics)

            await in_chunks(fresh, ask_characteristics)
        if plan.barcodes is not None:
            fields = plan.barcodes

            async def ask_barcodes(refs: list[str]) -> None:
                url = self._client.address.entities(
                    fields.register, fields.select, condition=fields.product.equals(refs)
                )
                rows: list[Any] = []
                await self._client.rows(url, rows.append)
                catalogue.add_barcodes(rows)

            await in_chunks(new, ask_barcodes)

        async def ask_products(refs: list[str]) -> None:
            entity = f"Catalog_{names.product_catalogue}"
            await self._few(entity, plan.product_fields, refs, catalogue.add_products)

        await in_chunks(new, ask_products)
        self._give_up([*products, *characteristics])

    def _give_up(self, refs: Collection[bytes]) -> None:
        known = self.catalogue
        self.strays.update(
            ref for ref in refs if not (known.knows_product(ref) or known.has_characteristic(ref))
        )

    async def _few(self, entity: str, fields: tuple[str, ...], refs: list[str], take: Any) -> None:
        condition = any_of("Ref_Key", refs)
        rows: list[Any] = []
        await self._client.rows(
            self._client.address.entities(entity, fields, condition=condition), rows.append
        )
        take(rows)
