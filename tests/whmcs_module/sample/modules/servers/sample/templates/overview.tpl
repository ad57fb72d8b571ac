<p>{$host|escape} {$address|escape}</p>
