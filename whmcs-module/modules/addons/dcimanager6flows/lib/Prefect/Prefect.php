<?php

declare(strict_types=1);

namespace Dciflow\Prefect;

use Dciflow\Request\Deadline;
use Dciflow\Request\Refusal;
use Dciflow\Store\InstallationCheck;
use Dciflow\Store\Settings;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** The few calls of Prefect's REST API that a proxy lets this WHMCS make. */
final class Prefect
{
    // Seconds before a repeat. A busy Prefect has free moments: many tries hit one of them, a few do not.
    private const PAUSES = [0.2, 0.4, 0.8, 1.0, 1.0, 1.0, 1.0, 1.0];
    private const BUSY = [429, 502, 503, 504];

    private string $api;
    private string $auth;
    private Deadline $deadline;

    /** @throws Refusal the addon has no usable API address, or this WHMCS is a copy */
    public function __construct(Deadline $deadline)
    {
        InstallationCheck::refuseCopy();
        $this->api = Settings::apiUrl();
        $this->auth = Settings::auth();
        $this->deadline = $deadline;
        if (preg_match('~^https?://[^/]+~i', $this->api) !== 1) {
            throw new Refusal('The Prefect API address is not set: see Addon Modules, "DCImanager 6 flows".');
        }
    }

    /**
     * Start a run of `<flow>/whmcs`, or find the one that this key started before.
     *
     * @throws PrefectError it could not
     */
    public function start(RunRequest $wanted, string $key): Run
    {
        $flow = $wanted->flow;
        $body = [
            'name' => $wanted->name,
            'parameters' => $wanted->parameters,
            'tags' => $wanted->tags,
            'idempotency_key' => $key,
        ];
        $cached = $this->cachedDeployment($flow);
        $response = $this->create($cached ?? $this->deployment($flow), $body);
        if ($response->status === 404 && $cached !== null) {
            // It was registered again since we last asked, and has another id.
            $response = $this->create($this->deployment($flow), $body);
        }
        $run = new Run($this->fine($response, "it could not start the run of $flow"));
        if ($run->id === '') {
            throw new PrefectError('Prefect answered something that is not a flow run: check the API address.', true);
        }
        return $run;
    }

    /** A run by its id; null when Prefect does not have it any more. */
    public function run(string $id): ?Run
    {
        $response = $this->ask('GET', '/flow_runs/' . rawurlencode($id));
        // Only Prefect's own 404 has a detail; a proxy's 404 may have any reason.
        if ($response->status === 404 && $response->get('detail') !== null) {
            return null;
        }
        if ($response->status === 403) {
            // It is there, so whatever it does goes on; whose it is has to be put right where the door is.
            throw new PrefectError("The door does not show run $id to this WHMCS: see `whmcs` in its door.toml.", false, true);
        }
        return new Run($this->fine($response, 'it could not be asked for a run'));
    }

    /**
     * A Prefect variable's value; null when there is none.
     *
     * @return array<string, mixed>|null
     */
    public function variable(string $name): ?array
    {
        $response = $this->ask('GET', '/variables/name/' . rawurlencode($name));
        if ($response->status === 404) {
            return null;
        }
        $value = $this->fine($response, "it could not be asked for the variable $name")->get('value');
        $value = is_string($value) ? json_decode($value, true) : $value;
        return is_array($value) ? $value : null;
    }

    /**
     * Create or overwrite a panel's credentials; they are never read back.
     *
     * @param array{url: string, username: string, password: string, verify_tls: bool} $data
     */
    public function storePanel(string $name, array $data): void
    {
        $type = '/block_types/slug/' . Contract::BLOCK_PANEL;
        $typeId = $this->fine($this->ask('GET', $type), 'it does not know panels yet: run `dciflow setup`')->text('id');
        $schemas = $this->fine(
            $this->ask('POST', '/block_schemas/filter', [
                'block_schemas' => ['block_type_id' => ['any_' => [$typeId]]],
                'limit' => 1,
            ]),
            'it does not know panels yet: run `dciflow setup`'
        );
        $schema = $schemas->json[0]['id'] ?? null;
        if (!is_string($schema)) {
            throw new PrefectError('Prefect does not know panels yet: run `dciflow setup`.', false);
        }
        $there = $this->ask('GET', $type . '/block_documents/name/' . rawurlencode($name));
        if ($there->status === 404) {
            $made = $this->ask('POST', '/block_documents/', [
                'name' => $name,
                'data' => $data,
                'block_type_id' => $typeId,
                'block_schema_id' => $schema,
            ]);
            if ($made->status !== 409) { // 409: somebody made it meanwhile, or our first answer was lost
                $this->fine($made, "it did not take the credentials of panel $name");
                return;
            }
            $there = $this->ask('GET', $type . '/block_documents/name/' . rawurlencode($name));
        }
        $id = $this->fine($there, "it could not be asked for panel $name")->text('id');
        $update = ['data' => $data, 'block_schema_id' => $schema, 'merge_existing_data' => false];
        $this->fine(
            $this->ask('PATCH', '/block_documents/' . rawurlencode($id), $update),
            "it did not take the credentials of panel $name"
        );
    }

    /** The id of `<flow>/whmcs`, from Prefect and not from our cache. */
    public function deployment(string $flow): string
    {
        $response = $this->ask('GET', '/deployments/name/' . rawurlencode($flow) . '/' . Contract::DEPLOYMENT);
        $problem = "it has no deployment $flow/" . Contract::DEPLOYMENT . ': run `dciflow setup`';
        $id = $this->fine($response, $problem)->text('id');
        if ($id === '') {
            throw new PrefectError('Prefect answered something that is no deployment: check the API address.', false);
        }
        Settings::keep($this->cacheName($flow), $id);
        return $id;
    }

    private function cachedDeployment(string $flow): ?string
    {
        return Settings::kept($this->cacheName($flow));
    }

    private function cacheName(string $flow): string
    {
        return "deployment $flow " . substr(hash('sha256', $this->api), 0, 16);
    }

    /** @param array<string, mixed> $body */
    private function create(string $deployment, array $body): HttpResponse
    {
        return $this->ask('POST', '/deployments/' . rawurlencode($deployment) . '/create_flow_run', $body);
    }

    /**
     * Ask, and ask again while Prefect is busy or its answer is lost: every call here may be made twice.
     *
     * @param array<string, mixed>|null $body
     */
    private function ask(string $method, string $path, ?array $body = null): HttpResponse
    {
        $received = false;
        foreach (array_merge(self::PAUSES, [null]) as $pause) {
            $response = null;
            try {
                $response = Http::send($method, $this->api . $path, $body, $this->auth, $this->deadline);
                $why = 'it answers ' . $response->status;
                $received = $received || $response->status !== 429;
            } catch (PrefectError $error) {
                $why = $error->getMessage();
                $received = $received || $error->maybeReceived;
            }
            if ($response !== null && !in_array($response->status, self::BUSY, true)) {
                return $response;
            }
            if ($pause === null || $this->deadline->seconds() < $pause + 0.3) {
                break;
            }
            // A random part: callers who were refused together would otherwise come back together.
            $this->deadline->sleep($pause * random_int(60, 100) / 100);
        }
        throw new PrefectError("Prefect does not answer ($why).", $received && $method === 'POST');
    }

    /** @throws PrefectError it is an error or not Prefect's; nothing of a body is quoted, it may echo secrets */
    private function fine(HttpResponse $response, string $what): HttpResponse
    {
        if ($response->status === 401 || $response->status === 403) {
            throw new PrefectError(
                "Prefect refuses us ($response->status): check the addon's auth string and the proxy's rules.",
                false,
                $response->status === 403
            );
        }
        if (!$response->isFine()) {
            throw new PrefectError("Prefect answered $response->status: $what.", $response->status >= 500);
        }
        if ($response->json === null && $response->status !== 204) {
            throw new PrefectError('Prefect answered something that is not JSON: check the API address.', true);
        }
        return $response;
    }
}
