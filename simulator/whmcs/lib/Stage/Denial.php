<?php

declare(strict_types=1);

namespace Stage;

/** The API's result=error; the code is the HTTP status that goes with it. */
final class Denial extends \RuntimeException
{
}
