<?php

declare(strict_types=1);

namespace Dciflow\Page;

use Dciflow\Request\ErrorBoundary;
use WHMCS\Module\AbstractWidget;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** The box on the admin's home page. WHMCS names the properties. */
final class HomeWidget extends AbstractWidget
{
    protected $title = 'DCImanager 6 flows';
    protected $description = 'Whether dedicated servers are delivered, and what waits for a person.';
    protected $weight = 150;
    protected $columns = 1;
    protected $cache = false;
    protected $requiredPermission = '';

    /** @return array<string, string> */
    public function getData()
    {
        return ['html' => ErrorBoundary::text([HomeBox::class, 'html'])];
    }

    /** @param array<string, string> $data */
    public function generateOutput($data)
    {
        return '<div class="widget-content-padded">' . ($data['html'] ?? '') . '</div>';
    }
}
