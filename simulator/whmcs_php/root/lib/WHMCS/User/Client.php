<?php

declare(strict_types=1);

namespace WHMCS\User;

use Illuminate\Database\Eloquent\Model;

/** A client. Source: https://docs.whmcs.com/clients/client-email-verification */
class Client extends Model
{
    protected $table = 'tblclients';
    protected $guarded = [];
    public $timestamps = false;

    public function isEmailAddressVerified(): bool
    {
        return (bool) $this->email_verified;
    }
}
