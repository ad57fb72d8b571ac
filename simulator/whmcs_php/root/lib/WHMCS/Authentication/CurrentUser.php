<?php

declare(strict_types=1);

namespace WHMCS\Authentication;

use WHMCS\User\Client;

/** Who is logged in. */
class CurrentUser
{
    public function client(): ?Client
    {
        return isset($_SESSION['uid']) ? Client::query()->find($_SESSION['uid']) : null;
    }

    public function isAuthenticatedUser(): bool
    {
        return isset($_SESSION['uid']);
    }

    public function isAuthenticatedAdmin(): bool
    {
        return isset($_SESSION['adminid']);
    }
}
