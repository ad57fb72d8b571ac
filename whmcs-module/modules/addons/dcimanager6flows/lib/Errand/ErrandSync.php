<?php

declare(strict_types=1);

namespace Dciflow\Errand;

use Dciflow\Prefect\Contract;
use Dciflow\Prefect\Prefect;
use Dciflow\Prefect\PrefectError;
use Dciflow\Prefect\Run;
use Dciflow\Request\Request;
use Dciflow\Store\ServiceCache;
use Dciflow\Store\Time;
use Dciflow\Whmcs\WelcomeMail;
use Dciflow\Whmcs\WhmcsService;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** Brings an open errand up to date with its run. It believes only Prefect, so it may be called at any time. */
final class ErrandSync
{
    // The flow does nothing that was asked for longer ago than a quarter of an hour.
    private const EXPIRES_SECONDS = 900;

    private const HANDOVERS = 5; // as of requests

    private Prefect $prefect;

    public function __construct(Prefect $prefect)
    {
        $this->prefect = $prefect;
    }

    /** The service's open errand, if there is one; else its reinstallation that failed. */
    public function service(int $serviceId): void
    {
        $open = Errands::open($serviceId);
        if ($open !== null) {
            $this->look($open);
            return;
        }
        $service = WhmcsService::find($serviceId);
        $failed = $service === null ? null : Reinstall::failed($service, ServiceCache::of($service));
        if ($failed !== null) {
            $this->lookAgain($failed);
        }
    }

    /**
     * Open a reinstallation that failed again where somebody had Prefect retry its run since: it ends as any other does,
     * and until then nobody is offered another one.
     *
     * @throws PrefectError
     */
    private function lookAgain(Errand $failed): void
    {
        $run = $this->prefect->run((string) $failed->flowRunId);
        if ($run !== null && ($run->isDone() || !$run->isOver()) && Errands::reopen($failed)) {
            $this->look(Errands::get($failed->id));
        }
    }

    /**
     * Have Prefect start the errand's run, or find it: the key is the errand's own.
     *
     * @return Errand as it is then; without a run where somebody else has closed it
     * @throws PrefectError it could not; where it may have it, the errand stays open and the next look asks again
     */
    public function send(Errand $errand): Errand
    {
        if (!Errands::sending($errand)) {
            return Errands::get($errand->id);
        }
        try {
            $run = $this->prefect->start($errand->wanted(), $errand->key());
            if (!$run->isOf($errand->wanted())) {
                throw new PrefectError("Prefect answers with another run than was asked for ($run->id).", false);
            }
        } catch (PrefectError $error) {
            if (!$error->maybeReceived) {
                Errands::notSent($errand);
                Errands::giveUp($errand, $error->getMessage());
            }
            throw $error;
        }
        Errands::started($errand, $run->id);
        return Errands::get($errand->id);
    }

    /**
     * Read the run and close the errand when it is over. `$isAnswered`: whoever asked still waits, and says how it ended.
     *
     * @throws PrefectError
     */
    public function look(Errand $errand, bool $isAnswered = false): Errand
    {
        $closed = $this->read($errand);
        if (!$closed->isOpen() && !$isAnswered) {
            ChangePackage::ended($closed);
        }
        return $closed;
    }

    private function read(Errand $errand): Errand
    {
        Errands::looked($errand);
        if ($errand->flowRunId === null) {
            $isExpired = Time::age($errand->createdAt) > self::EXPIRES_SECONDS;
            if ($isExpired && Errands::giveUp($errand, 'Prefect could not be asked in time: nothing was done.')) {
                return Errands::get($errand->id);
            }
            // Prefect may have it, and only the same key tells how it ended; if it is new there, the flow refuses it as late.
            $errand = $this->send($errand);
            if ($errand->flowRunId === null) {
                return $errand;
            }
        }
        $run = $this->run((string) $errand->flowRunId);
        if ($run === null) {
            Errands::close($errand, Request::FAILED, 'Its run was deleted in Prefect.');
        } elseif ($run->isOver()) {
            ServiceCache::learn($errand->serviceId, $errand->panel, $run, $errand->whose());
            $isDone = $run->isDone();
            $isClosed = Errands::close($errand, $isDone ? Request::DONE : Request::FAILED, $isDone ? '' : $run->reason());
            if ($isClosed && $isDone && ($errand->flow === Contract::REINSTALL || Rescue::wasStarted($errand))) {
                WelcomeMail::again($errand->serviceId); // the password in it is a new one, or the rescue system's
            }
        } elseif ($errand->flow === Contract::REINSTALL) {
            ServiceCache::learn($errand->serviceId, $errand->panel, $run, $errand->whose());
        }
        return Errands::get($errand->id);
    }

    /** The run, or the one that goes on where it handed over. */
    private function run(string $id): ?Run
    {
        $run = $this->prefect->run($id);
        for ($hop = 0; $hop < self::HANDOVERS && $run !== null && $run->isDone() && $run->next() !== ''; $hop++) {
            $run = $this->prefect->run($run->next());
        }
        return $run;
    }
}
