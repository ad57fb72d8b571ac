<?php

declare(strict_types=1);

namespace WHMCS\Service;

use Illuminate\Database\Eloquent\Model;

/** A product addon of a service, in $params['model'] of a module that is bound to one. */
class Addon extends Model
{
    protected $table = 'tblhostingaddons';
    protected $guarded = [];
    public $timestamps = false;
}
