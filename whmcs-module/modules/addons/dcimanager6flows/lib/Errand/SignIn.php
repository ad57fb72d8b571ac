<?php

declare(strict_types=1);

namespace Dciflow\Errand;

use Dciflow\Page\Text;
use Dciflow\Prefect\Contract;
use Dciflow\Prefect\Prefect;
use Dciflow\Prefect\PrefectError;
use Dciflow\Request\Command;
use Dciflow\Request\Deadline;
use Dciflow\Request\ErrorBoundary;
use Dciflow\Request\Refusal;
use Dciflow\Request\Request;
use Dciflow\Store\Panels;
use Dciflow\Store\Schema;
use Dciflow\Whmcs\ModuleLog;
use Dciflow\Whmcs\ModuleParams;
use Dciflow\Whmcs\Whmcs;
use Dciflow\Whmcs\WhmcsService;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/**
 * WHMCS's single sign-on: into the panel as the user who owns the service's server, never as an administrator.
 *
 * The run hands the panel's one-time key over sealed for this session's own key pair. The address is that of the server
 * record; of the run nothing but the key gets into it.
 */
final class SignIn
{
    public const LABEL = 'Sign in to DCImanager';

    private const WITHOUT_A_SERVICE = 'Sign in from the page of a service: dciflow signs in as the owner of one server '
        . 'only, never as an administrator of the panel.';
    private const NOT_YET = 'The panel has not answered yet: try again in a few seconds.';
    private const FOR_CLIENTS = 'Signing in did not work just now: try again later, or ask our staff.';

    private const READ_SECONDS = 2.0; // for the run that is over, beyond the wait for its end

    /** Where the panel may be without TLS: on this machine itself (a simulator). */
    private const THIS_MACHINE = ['127.0.0.1', 'localhost', '[::1]'];

    private ModuleParams $moduleParams;
    private Deadline $deadline;
    private ?Errand $errand = null;

    private function __construct(ModuleParams $moduleParams)
    {
        $this->moduleParams = $moduleParams;
        $this->deadline = new Deadline(Command::WAIT_SECONDS);
    }

    /**
     * The answer of WHMCS's single sign-on functions. Never throws.
     *
     * @param array<string, mixed> $params as WHMCS passes them; those of a server record have no service
     * @return array{success: bool, redirectTo?: string, errorMsg?: string}
     */
    public static function run(array $params): array
    {
        $moduleParams = new ModuleParams($params);
        if ($moduleParams->serviceId() === 0) {
            return ['success' => false, 'errorMsg' => self::WITHOUT_A_SERVICE];
        }
        $signIn = new self($moduleParams);
        $address = null;
        $answer = ErrorBoundary::text(static function () use ($signIn, &$address): string {
            Schema::ensure();
            $address = $signIn->address();
            return Command::SUCCESS;
        });
        // The address has the key, so it stands in no log.
        ErrorBoundary::quietly(static function () use ($signIn, $moduleParams, $answer): void {
            $errand = $signIn->errand;
            ModuleLog::write(Contract::SIGN_IN, [
                'service_id' => $moduleParams->serviceId(),
                'errand' => $errand === null ? null : $errand->id,
                'flow_run' => $errand === null ? null : $errand->withLink(''),
            ], $answer, $moduleParams->secrets());
        });
        return $address === null
            ? ['success' => false, 'errorMsg' => $answer]
            : ['success' => true, 'redirectTo' => $address];
    }

    /** @throws Refusal nobody is signed in */
    private function address(): string
    {
        // Whoever presses again has to be one who may: product, service or verification may have changed meanwhile.
        [, $service] = ErrandPress::check(Contract::SIGN_IN, $this->moduleParams, true);
        try {
            $page = $this->page();
            $panel = Panels::name($this->moduleParams->int('serverid'));
            $waiting = SignInSession::waiting($service->id);
            $pair = $waiting ?? KeyPair::make();
            (new ErrandSync($this->prefect()))->service($service->id);
        } catch (Refusal | PrefectError $error) {
            throw self::toldTo($error, $service);
        }
        $errand = $this->errand = $this->asked($service, $pair, $waiting !== null);
        if ($errand->panel !== $panel || !$service->hasIdentity($errand->whose())) {
            SignInSession::forget($service->id);
            throw new Refusal('The service has changed meanwhile: sign in again.');
        }
        $errand = $this->errand = $this->ended($errand);
        if ($errand->isOpen()) {
            throw new Refusal(self::NOT_YET);
        }
        SignInSession::forget($service->id);
        if ($errand->state !== Request::DONE) {
            throw new Refusal($this->reason($errand));
        }
        try {
            $run = (new Prefect(new Deadline(self::READ_SECONDS)))->run((string) $errand->flowRunId);
        } catch (PrefectError $error) {
            throw self::toldTo($error, $service);
        }
        $key = $run === null ? null : $pair->open($run->label(Contract::LABEL_SEALED_KEY));
        if ($key === null || preg_match(Contract::SEALED_KEY, $key) !== 1) {
            throw new Refusal('The panel\'s key cannot be opened here: sign in again.');
        }
        return $page . $key;
    }

    /** The page that a key signs in at, on the panel of the service's server record. */
    private function page(): string
    {
        $url = Panels::url($this->moduleParams);
        $host = (string) parse_url($url, PHP_URL_HOST);
        if (strpos($url, 'https://') !== 0 && !in_array($host, self::THIS_MACHINE, true)) {
            throw new Refusal('The panel is not asked over https, so nobody is signed in: set Secure in its server record.');
        }
        return $url . Contract::SIGN_IN_PAGE;
    }

    /** What this session asked for and still waits for; else it is asked for now. */
    private function asked(WhmcsService $service, KeyPair $pair, bool $isWaiting): Errand
    {
        $own = ['public_key' => $pair->publicKey()];
        $errand = $isWaiting ? Errands::find($service->id, Contract::SIGN_IN, $own) : null;
        if ($errand === null) {
            // Before it is asked for: if the answer is lost, the next press goes on with this one.
            SignInSession::keep($service->id, $pair);
            $errand = ErrandPress::ask(Contract::SIGN_IN, $this->moduleParams, $own, true);
        }
        return $errand;
    }

    /** Clients read nothing of the host's own systems; staff find it in the activity log. */
    private static function toldTo(\Exception $error, WhmcsService $service): Refusal
    {
        if (ModuleParams::isStaff()) {
            return new Refusal($error->getMessage());
        }
        Whmcs::activity("a client could not sign in for service $service->id: " . $error->getMessage(), $service->clientId);
        return new Refusal(self::FOR_CLIENTS);
    }

    /** The errand when its run is over, or when WHMCS's page cannot wait any longer. */
    private function ended(Errand $errand): Errand
    {
        $sync = new ErrandSync($this->prefect());
        for ($pause = 0.1; $errand->isOpen() && !$this->deadline->isOver(); $pause = min(0.6, $pause * 1.4)) {
            try {
                $errand = $sync->look($errand);
            } catch (PrefectError $error) {
                break; // the run goes on, and the next press sees its end
            }
            if ($errand->isOpen()) {
                $this->deadline->sleep($pause);
            }
        }
        return $errand;
    }

    private function prefect(): Prefect
    {
        return new Prefect($this->deadline);
    }

    private function reason(Errand $errand): string
    {
        if ($errand->requestedBy !== Contract::BY_CLIENT) {
            return $errand->withLink($errand->message);
        }
        $isTooOften = strpos($errand->message, Contract::TOO_OFTEN) === 0;
        return $isTooOften ? Text::oneLine(substr($errand->message, strlen(Contract::TOO_OFTEN))) : self::FOR_CLIENTS;
    }
}
