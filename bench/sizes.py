"""How much is measured."""

from pydantic import BaseModel, ConfigDict


class Sizes(BaseModel):
    """Numbers of runs, and how long the memory and the calls are watched."""

    model_config = ConfigDict(frozen=True)

    latency: int = 60
    """Requests one after the other, for dciflow and for the floor: of 20 the median still moved by a tenth."""
    latency_process: int = 8
    burst: int = 300
    burst_process: int = 20
    """A run of the process worker is seconds of work: 20 are enough to tell its rate."""
    waiting: tuple[int, ...] = (10, 100, 1000)
    window_seconds: float = 60.0
    """Panel calls are counted for so long: a whole minute at the real size."""
    settle_seconds: float = 30.0
    """Two polls of every installation: what the start allocates is freed by then."""
    activations: int = 30
    install_seconds: float = 60.0


QUICK = Sizes(
    latency=4, latency_process=2, burst=24, burst_process=3, waiting=(2, 10), window_seconds=20, settle_seconds=10,
    activations=6, install_seconds=20,
)  # fmt: skip
"""To try the tool in a few minutes; its numbers mean nothing."""
