"""A service's story told in few words: what the lifecycles do to the ledger, without panel and WHMCS."""

from datetime import UTC, datetime, timedelta

from sqlmodel import col, select

from ledger import claims, permits, reinstalls, releases, requests, services
from ledger.caps import Caps
from ledger.database import Ledger
from ledger.hardware import Hardware
from ledger.orders import Order
from ledger.snapshots import Driver, Permit, Request, Service
from ledger.states import State
from ledger.tables import RequestRow

ORDER = Order(client_id=7, configuration="E5", os_template="Debian", ip_pool="public")


def hardware_for(service_id: int) -> Hardware:
    """The machine that a service of these stories gets."""
    return Hardware(serial=f"SN-{service_id}", macs=(f"00:16:3e:00:00:{service_id:02x}",))


HARDWARE = hardware_for(1)

CAPS = Caps(terminations_per_day=10_000, terminations_share=1.0, small_fleet=10_000, wipes_per_hour=10_000)
"""None that a story reaches by chance."""


async def last_request(ledger: Ledger, service_id: int) -> Request | None:
    """The service's newest request, open or closed."""
    query = select(RequestRow).where(RequestRow.service_id == service_id).order_by(col(RequestRow.epoch).desc())
    async with ledger.reading() as session:
        row = (await session.exec(query.limit(1))).one_or_none()
    return None if row is None else Request.model_validate(row)


class LedgerScenario:
    """One ledger and a clock that only the test moves; every service's server has the service's number plus 100."""

    silent_after = timedelta(minutes=5)

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def later(self, **duration: float) -> datetime:
        self.now += timedelta(**duration)
        return self.now

    async def ask(
        self, service_id: int = 1, *, run: str = "run-1", action: str = "activate", takeover: bool = False
    ) -> Driver:
        """WHMCS orders; a flow run opens its request, or takes the open one over."""
        await services.remember(self.ledger, service_id=service_id, panel="main", order=ORDER, now=self.now)
        driver, _ = await requests.open(
            self.ledger,
            service_id=service_id,
            panel="main",
            action=action,
            flow_run_id=run,
            requested_by="api",
            now=self.now,
            silent_after=self.silent_after,
            takeover=await last_request(self.ledger, service_id) if takeover else None,
        )
        return driver

    async def take(self, driver: Driver, server_id: int | None = None) -> Service:
        return await claims.take(
            self.ledger,
            driver,
            server_id=server_id or driver.service_id + 100,
            hardware=hardware_for(driver.service_id),
            now=self.now,
        )

    async def permit(self, driver: Driver, **differing: object) -> Permit:
        facts: dict[str, object] = {
            "server_id": driver.service_id + 100,
            "owner_before": 31,
            "owner_seen": None,
            "hardware": hardware_for(driver.service_id),
            "operation_before": 900,
        }
        return await permits.write(self.ledger, driver, **{"caps": CAPS, **facts, **differing}, now=self.now)

    async def begin(self, driver: Driver, *, caps: Caps = CAPS, may_come_back: bool = False) -> Service:
        """The taking back of the service's server begins."""
        return await releases.begin(self.ledger, driver, caps=caps, may_come_back=may_come_back, now=self.now)

    async def reach(self, state: State, service_id: int = 1, *, run: str = "run-1") -> Driver:
        """Live the service's life up to `state`, as the lifecycles would."""
        driver = await self.ask(service_id, run=run)
        for word in self._way(state):
            if word is State.CLAIMED:
                await self.take(driver)
            elif word is State.ERASING:
                await self.permit(driver)
            elif word is State.RELEASING:
                await self.begin(driver)
            elif word is State.RELEASED:
                await self.wiped(driver)
            else:
                if word is State.SUSPENDED:
                    driver = await self.suspend(driver, run=run)
                else:
                    await services.advance(self.ledger, driver, self.now, word)
                if word is State.PREPARING:
                    await claims.record_owner(self.ledger, driver, self.now, 31)
        return driver

    async def reinstall_midway(self, service_id: int = 1) -> Driver:
        """A client's server is installed over, and that is not over: INSTALLING, as of an activation."""
        driver = await self.reach(State.ACTIVE, service_id)
        permit = await reinstalls.write(
            self.ledger,
            driver,
            self.now,
            server_id=service_id + 100,
            os_template="Ubuntu",
            owner_seen=31,
            hardware=hardware_for(service_id),
            operation_before=900,
            asked_at=self.now,
            caps=CAPS,
        )
        await reinstalls.begin(self.ledger, driver, self.now, permit.id, installations_at_most=10)
        return driver

    async def suspend(self, driver: Driver, *, run: str = "run-1") -> Driver:
        """A suspension ends well; the driver of the next request."""
        await requests.close(self.ledger, driver, outcome="done", message=None, now=self.now, to=State.SUSPENDED)
        return await self.ask(driver.service_id, run=run)

    async def hold(self, driver: Driver, *, reason: str = "odd", evidence: str = "-") -> Driver:
        """A run stops for a person; the driver of the next request."""
        await requests.hold_and_close(self.ledger, driver, reason=reason, evidence=evidence, now=self.now)
        return await self.ask(driver.service_id, run="run-after-hold")

    async def wiped(self, driver: Driver) -> Service:
        """The open permit is used, its operation ends well and the wipe is proved."""
        service = await self.service(driver.service_id)
        permit = await permits.current(self.ledger, driver.service_id, service.generation)
        assert permit is not None
        await permits.use(self.ledger, driver, self.now, permit.id)
        await permits.record_operation(self.ledger, driver, self.now, permit.id, 901)
        return await claims.release(self.ledger, driver, permit_id=permit.id, now=self.now)

    async def service(self, service_id: int = 1) -> Service:
        service = await services.get(self.ledger, service_id)
        assert service is not None
        return service

    @staticmethod
    def _way(state: State) -> list[State]:
        life = [
            State.CLAIMED,
            State.PREPARING,
            State.INSTALLING,
            State.ACTIVE,
            State.SUSPENDED,
            State.RELEASING,
            State.ERASING,
            State.RELEASED,
        ]
        return [] if state is State.NEW else life[: life.index(state) + 1]


async def delivered(story: LedgerScenario, number: int) -> list[Driver]:
    """So many ACTIVE services, numbered from 1, each with the driver of its run."""
    return [await story.reach(State.ACTIVE, service_id, run=f"run-{service_id}") for service_id in range(1, number + 1)]
