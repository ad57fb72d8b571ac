"""The panel's calls about what an order can name: IP pools, OS templates, locations."""

from simulator.http.handler_types import ApiAnswer, ApiCall, Handler
from simulator.http.list_query import answer_list
from simulator.panel.model import PanelModel
from simulator.panel.models import SimNetwork


def ip_pool_list(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """All IP pools."""
    rows = panel.world.pools.values()
    return ApiAnswer(answer_list(panel.world, rows, call.query, fields={}, view=panel.serializers.pool))


def ip_pool_settings(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """The pools' general settings."""
    return ApiAnswer({"deallocation_pools": panel.world.deallocation_pools})


def network_list(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """The networks of all IP pools."""
    networks = sorted((pool.id, network) for pool in panel.world.pools.values() for network in pool.networks)
    rows = [SimNetwork(number, name, pool_id) for number, (pool_id, name) in enumerate(networks, 1)]
    return ApiAnswer(answer_list(panel.world, rows, call.query, fields={}, view=panel.serializers.network))


def os_template_list(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """All OS templates of all locations; for a user, those for everybody."""
    everything = call.user is not None and call.user.is_admin
    rows = [template for template in panel.world.templates.values() if everything or not template.admin_only]
    return ApiAnswer(answer_list(panel.world, rows, call.query, fields={}, view=panel.serializers.template))


def location_list(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """All locations."""
    rows = panel.world.locations.values()
    return ApiAnswer(answer_list(panel.world, rows, call.query, fields={}, view=panel.serializers.location))


CATALOGUE_HANDLERS: dict[str, Handler] = {
    function.__name__: function
    for function in (ip_pool_list, network_list, ip_pool_settings, os_template_list, location_list)
}
