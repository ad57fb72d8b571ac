<?php

declare(strict_types=1);

namespace WHMCS\Module;

/**
 * A box of the admin's home page. WHMCS's draws a panel around it, too.
 *
 * Source: https://developers.whmcs.com/classes/whmcs/module/abstractwidget and addon-modules/admin-dashboard-widgets
 */
abstract class AbstractWidget
{
    protected $title = '';
    protected $description = '';
    protected $weight = 100;
    protected $columns = 1;
    protected $cache = false;
    protected $cacheExpiry = 3600;
    protected $requiredPermission = '';

    public function getTitle()
    {
        return $this->title;
    }

    public function getColumnSize()
    {
        return $this->columns;
    }

    public function getData()
    {
        return [];
    }

    public function generateOutput($data)
    {
        return '';
    }

    public function render($forceRefresh = false)
    {
        return $this->generateOutput($this->getData());
    }
}
