<?php

declare(strict_types=1);

namespace WHMCS\Product;

use Illuminate\Database\Eloquent\Model;

/** A product. */
class Product extends Model
{
    protected $table = 'tblproducts';
    protected $guarded = [];
    public $timestamps = false;
}
