<?php

declare(strict_types=1);

namespace WHMCS\Module\Server;

use Illuminate\Support\Collection;

/**
 * What a module's CustomActions returns.
 *
 * Source: https://developers.whmcs.com/classes/whmcs/module/server/customactioncollection
 */
final class CustomActionCollection extends Collection
{
}
