<?php

declare(strict_types=1);

namespace FakeWhmcs;

/** The API's result=error; the code is the HTTP status that goes with it. */
final class ApiError extends \RuntimeException
{
}
