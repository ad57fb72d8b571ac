<?php

declare(strict_types=1);

namespace FakeWhmcs;

/** Smarty as WHMCS has it: nothing is escaped unless the template says so. */
final class Templates
{
    public static function render(string $file, array $vars): string
    {
        require_once 'smarty4/Smarty.class.php';
        $smarty = new \Smarty();
        $smarty->setCompileDir(self::compiled());
        $smarty->setCacheDir(self::compiled());
        $smarty->setTemplateDir(dirname($file));
        $smarty->setErrorReporting(E_ALL);
        $smarty->assign($vars);
        return $smarty->fetch($file);
    }

    public static function compiled(): string
    {
        return getenv('FAKE_WHMCS_HOME') . '/compiled';
    }
}
