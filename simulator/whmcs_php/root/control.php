<?php

/** The simulator's own control: {"do": name, "with": {arguments}} in, {"value": ...} or {"error": text} out. */

declare(strict_types=1);

require_once __DIR__ . '/init.php';

FakeWhmcs\Control::handle((string) file_get_contents('php://input'));
