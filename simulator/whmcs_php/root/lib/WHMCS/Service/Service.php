<?php

declare(strict_types=1);

namespace WHMCS\Service;

use Illuminate\Database\Eloquent\Model;
use WHMCS\Product\Product;
use WHMCS\User\Client;

/**
 * A row of tblhosting as modules get it in $params['model'].
 *
 * Source: https://developers.whmcs.com/provisioning-modules/service-properties
 */
class Service extends Model
{
    private const ALIASES = [
        'clientId' => 'userid',
        'productId' => 'packageid',
        'serverId' => 'server',
        'orderId' => 'orderid',
        'status' => 'domainstatus',
    ];

    protected $table = 'tblhosting';
    protected $guarded = [];

    public function client()
    {
        return $this->belongsTo(Client::class, 'userid');
    }

    public function product()
    {
        return $this->belongsTo(Product::class, 'packageid');
    }

    public function getServicePropertiesAttribute(): Properties
    {
        return new Properties($this);
    }

    public function getAttribute($key)
    {
        return parent::getAttribute(self::ALIASES[$key] ?? $key);
    }

    public function setAttribute($key, $value)
    {
        return parent::setAttribute(self::ALIASES[$key] ?? $key, $value);
    }
}
