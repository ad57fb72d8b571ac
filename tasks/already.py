"""A change that the panel refuses because it is so already is done, after a look (safety rule 21)."""

from collections.abc import Awaitable, Callable

from dcimanager.errors import PanelRefused, WrongCredentials
from runtime.run_log import run_log


async def so_already(send: Awaitable[object], look: Callable[[], Awaitable[bool | None]], *, what: str) -> None:
    """Ask for a change; when it is refused, look whether it is so, and go on if it is.

    `look` tells whether it is so, None where the panel does not know: then the run goes on with a warning.
    Raises what was refused: it is not so; what `look` raises; PanelError.
    """
    try:
        await send
    except WrongCredentials:
        raise
    except PanelRefused as refused:
        is_so = await look()
        if is_so is False:
            raise
        if is_so is None:
            run_log().warning(
                "%s was refused and the panel does not know whether it is so: going on (%s)", what, refused
            )
        else:
            run_log().info("%s was refused, and it is so already (%s)", what, refused)
