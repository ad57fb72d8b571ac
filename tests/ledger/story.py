"""A service's story told in few words: what the lifecycles do to the ledger, without panel and WHMCS."""

from datetime import UTC, datetime, timedelta

from ledger import Driver, Ledger, Order, Permit, Service, State, claims, permits, releases, requests, services
from ledger.caps import Caps

ORDER = Order(client_id=7, configuration="E5", os_template="Debian", ip_pool="public")


CAPS = Caps(terminations_per_day=10_000, terminations_share=1.0, wipes_per_hour=10_000)
"""None that a story reaches by chance."""


class Story:
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
            takeover=await requests.last(self.ledger, service_id) if takeover else None,
        )
        return driver

    async def take(self, driver: Driver, server_id: int | None = None) -> Service:
        return await claims.take(
            self.ledger,
            driver,
            server_id=server_id or driver.service_id + 100,
            serial="SN-1",
            macs=["52:54:00:00:00:01"],
            barcode=None,
            now=self.now,
        )

    async def permit(self, driver: Driver, **differing: object) -> Permit:
        facts: dict[str, object] = {
            "server_id": driver.service_id + 100,
            "owner_before": 31,
            "owner_seen": None,
            "serial": "SN-1",
            "macs": ["52:54:00:00:00:01"],
            "barcode": None,
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
                await services.move(self.ledger, driver, word, self.now)
                if word is State.PREPARING:
                    await claims.record_owner(self.ledger, driver, 31, self.now)
        return driver

    async def wiped(self, driver: Driver) -> Service:
        """The open permit is used, its operation ends well and the wipe is proved."""
        service = await self.service(driver.service_id)
        permit = await permits.current(self.ledger, driver.service_id, service.generation)
        assert permit is not None
        await permits.use(self.ledger, driver, permit.id, self.now)
        await permits.record_operation(self.ledger, driver, permit.id, 901, self.now)
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
