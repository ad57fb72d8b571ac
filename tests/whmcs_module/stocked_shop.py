"""A shop whose product follows the stock, and the catalogues that it counts."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.whmcs_module.stories import ADDON, SETTINGS

XEON = SETTINGS[0]
BEFORE = 7
"""What the stock is before the cron looks: no story counts to it."""


class StockedShop:
    """The scene with a product that follows the stock. Panels are called main and second."""

    def __init__(self, scene: Any, product: int) -> None:
        self.scene, self.whmcs, self.product = scene, scene.whmcs, product

    def offers(
        self, panel: str, *configurations: dict[str, Any], age_minutes: float = 5, locations=(1, 2), apart=False
    ) -> None:
        """Keep a catalogue of two parts, as the flow does; `apart`: there is a panel whose index part 2 would be."""
        at = (datetime.now(UTC) - timedelta(minutes=age_minutes)).isoformat()
        name = f"dcimanager_catalogue_{panel}"
        places = [{"id": number, "name": f"Place {number}"} for number in locations]
        parts = [f"dcimanager_part_{n}_of_catalogue_{panel}" if apart else f"{name}_{n}" for n in (1, 2)]
        self.scene.prefect.variables |= {
            parts[0]: {"at": at, "configurations": list(configurations)},
            parts[1]: {"at": at, "os_templates": ["Debian-12-x86_64"], "locations": places},
            name: {"at": at, "parts": 2, **({"apart": True} if apart else {})},
        }

    async def stock(self, product: int | None = None) -> int:
        """What WHMCS has in stock after its cron."""
        await self.whmcs.cron()
        return await self.quantity(product)

    async def quantity(self, product: int | None = None) -> int:
        (row,) = await self.whmcs.sql("SELECT qty FROM tblproducts WHERE id = ?", product or self.product)
        return int(row["qty"])

    async def another(self, settings: list[str], **columns: object) -> int:
        """One more product that follows the stock."""
        product = await self.whmcs.add_product("Other", settings)
        await self.whmcs.edit("tblproducts", product, **{"stockcontrol": 1, "qty": BEFORE, **columns})
        return product

    async def lines(self) -> list[str]:
        """What the activity log says of products."""
        return [line.description for line in await self.scene.activities() if "product" in line.description]

    async def page(self) -> str:
        return await self.whmcs.addon_page(ADDON)

    async def becomes_one_of_the_first_release(self) -> None:
        """Its tables are as the first release made them."""
        await self.page()
        await self.whmcs.sql("ALTER TABLE mod_dcimanager6_service DROP COLUMN server_since")
        await self.whmcs.sql("DROP TABLE mod_dcimanager6_stock")
        await self.whmcs.sql("UPDATE mod_dcimanager6_setting SET value = '1' WHERE name = 'schema'")


def counted(total: int | None, name: str = XEON, **fit: int) -> dict[str, Any]:
    """A configuration of a catalogue; fit by location: at_1=2."""
    by_place = None if total is None else {place.removeprefix("at_"): number for place, number in fit.items()}
    return {"name": name, "fit": by_place, "total": total}
