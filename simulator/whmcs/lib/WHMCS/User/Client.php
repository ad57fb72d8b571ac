<?php

declare(strict_types=1);

namespace WHMCS\User;

use Illuminate\Database\Eloquent\Model;

/** A client. Source: dossier "WHMCS", section 11. */
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
