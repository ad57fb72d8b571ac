<?php

declare(strict_types=1);

namespace Dciflow\Store;

use Dciflow\Page\Text;
use Dciflow\Prefect\Contract;
use Dciflow\Prefect\Run;
use Dciflow\Request\Refusal;
use Dciflow\Whmcs\WhmcsService;
use WHMCS\Database\Capsule;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** What the runs last said of each service's server. Pages show it without a call to Prefect. */
final class ServiceCache
{
    public const MODULE = 'dcimanager6';
    public const RELEASED = 'released'; // our own word beside the steps of the contract: the server went back
    public const MAIL_NONE = 'none'; // nothing was held back
    public const MAIL_HELD = 'held'; // WHMCS wanted to send it too early
    public const MAIL_DUE = 'due'; // to be sent now
    public const MAIL_SENT = 'sent';

    private const TABLE = 'mod_dcimanager6_service';
    private const LABELS = [ // columns have the labels' names; how many characters each takes
        Contract::LABEL_STEP => 20,
        Contract::LABEL_STATE => 20,
        Contract::LABEL_HELD => 100,
        Contract::LABEL_SERIAL => 200,
        Contract::LABEL_ADDRESSES => 20000,
        Contract::LABEL_OS => 200,
        Contract::LABEL_USERNAME => 100,
        Contract::LABEL_POWER => 10,
    ];
    private const WHOSE = ['client_id', 'order_id', 'registered'];
    private const WITHOUT_A_SERVER = [Contract::STATE_NEW, Contract::STATE_RELEASED];
    private const NUMBERS = ['server_id' => Contract::LABEL_SERVER, 'owner' => Contract::LABEL_OWNER];

    public static function find(int $serviceId): ?\stdClass
    {
        return self::row($serviceId)->first();
    }

    /** The service's row; null also where it is that of another service, which had the number before. */
    public static function of(WhmcsService $service): ?\stdClass
    {
        $row = self::find($service->id);
        return $row === null || !$service->hasIdentity(self::whose($row)) ? null : $row;
    }

    /** The service's row, made when it is not there. */
    public static function ensure(int $serviceId): \stdClass
    {
        Capsule::table(self::TABLE)->insertOrIgnore([
            'service_id' => $serviceId, 'mail' => self::MAIL_NONE, 'updated_at' => Time::now(),
        ]);
        $row = self::find($serviceId);
        if ($row === null) {
            throw new Refusal("Service $serviceId has no row in our table.");
        }
        return $row;
    }

    /**
     * Store what a run's labels say; where it has no label our value stays. What a run says of a service that had the
     * number before is not stored.
     *
     * @param array<string, mixed> $whose the run's request: of `Request::whose`
     */
    public static function learn(int $serviceId, string $panel, Run $run, array $whose): void
    {
        $row = self::ensure($serviceId);
        if (WhmcsService::differ(self::whose($row), $whose)) {
            if (!$run->isDone()) {
                return;
            }
            // The ledger did it for this client: the service was handed over, or the one of old is over.
            if (!self::wasMoved($row, $whose)) {
                self::forget($serviceId);
            }
            self::ensure($serviceId);
            self::row($serviceId)->update(['client_id' => $whose['client_id'] ?? null]);
            $row = self::ensure($serviceId);
        }
        $news = ['panel' => $panel, 'updated_at' => Time::now()];
        foreach (self::LABELS as $label => $longest) {
            if ($run->label($label) !== '') {
                $news[$label] = Text::cut($run->label($label), $longest);
            }
        }
        foreach (self::NUMBERS as $column => $label) {
            if (preg_match('/\A\d{1,9}\z/', $run->label($label)) === 1) {
                $news[$column] = (int) $run->label($label);
            }
        }
        if (isset($news[Contract::LABEL_POWER])) {
            $news['power_at'] = Time::now();
        }
        if (isset($news['state']) && $news['state'] !== Contract::STATE_HELD) {
            $news['held'] = null;
        }
        foreach (self::WHOSE as $column) {
            $news[$column] = $row->$column ?? $whose[$column] ?? null;
        }
        self::row($serviceId)->update($news);
        if (in_array($run->label(Contract::LABEL_STATE), self::WITHOUT_A_SERVER, true)) {
            self::row($serviceId)->update(['server_since' => null]);
        } elseif (isset($news['server_id'])) {
            // When we learned of it, a little later than it was claimed.
            self::row($serviceId)->whereNull('server_since')->update(['server_since' => Time::now()]);
        }
    }

    public static function isReady(int $serviceId): bool
    {
        $row = self::find($serviceId);
        return $row !== null && $row->step === Contract::STEP_READY;
    }

    /** Its activation has succeeded. */
    public static function ready(int $serviceId): void
    {
        self::ensure($serviceId);
        self::row($serviceId)->update(['step' => Contract::STEP_READY, 'updated_at' => Time::now()]);
    }

    /**
     * A new activation begins: the last one's progress goes, a mail that is held back stays. Nothing stays of a service
     * that had the number before.
     */
    public static function begin(WhmcsService $service): void
    {
        $serviceId = $service->id;
        if (self::of($service) === null) {
            self::forget($serviceId);
        }
        $row = self::ensure($serviceId);
        $whose = array_intersect_key($service->identity(), array_flip(self::WHOSE));
        self::row($serviceId)->update($whose + ['step' => null, 'orphaned_at' => null, 'updated_at' => Time::now()]);
        if ($row->mail === self::MAIL_SENT) {
            self::moveMail($serviceId, [self::MAIL_SENT], self::MAIL_NONE);
        }
    }

    /** Its server was released: forget what was the client's. */
    public static function released(int $serviceId): void
    {
        self::ensure($serviceId);
        self::row($serviceId)->update([
            'step' => self::RELEASED, 'power' => null, 'power_at' => null, 'addresses' => null, 'username' => null, 'held' => null,
            'mail' => self::MAIL_NONE, 'mail_at' => null, 'server_since' => null, 'updated_at' => Time::now(),
        ]);
    }

    public static function orphan(int $serviceId): void
    {
        self::row($serviceId)->update(['orphaned_at' => Time::now()]);
    }

    public static function forget(int $serviceId): void
    {
        Traffic::forget($serviceId);
        self::row($serviceId)->delete();
    }

    /** Move the welcome mail on. False: it was not in one of these states (any more). @param list<string> $from */
    public static function moveMail(int $serviceId, array $from, string $to): bool
    {
        return self::row($serviceId)->whereIn('mail', $from)
            ->update(['mail' => $to, 'mail_at' => Time::now()]) > 0;
    }

    /** Services whose server is ready and whose mail still waits. @return list<int> */
    public static function withWaitingMail(): array
    {
        $ids = [];
        $rows = Capsule::table(self::TABLE)->where('step', Contract::STEP_READY)
            ->whereIn('mail', [self::MAIL_HELD, self::MAIL_DUE])->orderBy('mail_at')->limit(100)->pluck('service_id');
        foreach ($rows as $id) {
            $ids[] = (int) $id;
        }
        return $ids;
    }

    /** Whether the client may ask again; true once per `$seconds`. */
    public static function mayRefresh(int $serviceId, int $seconds): bool
    {
        self::ensure($serviceId);
        return self::row($serviceId)->where(static function ($rested) use ($seconds): void {
            $rested->whereNull('refreshed_at')->orWhere('refreshed_at', '<=', Time::in(-$seconds));
        })->update(['refreshed_at' => Time::now()]) > 0;
    }

    /** @param array<string, mixed> $whose */
    private static function wasMoved(\stdClass $row, array $whose): bool
    {
        return $row->order_id !== null && (string) $row->order_id === (string) ($whose['order_id'] ?? '')
            && (string) $row->registered === (string) ($whose['registered'] ?? '');
    }

    /** @return array<string, mixed> whose the row is, as far as that is known */
    private static function whose(\stdClass $row): array
    {
        return array_intersect_key((array) $row, array_flip(self::WHOSE));
    }

    private static function row(int $serviceId): \Illuminate\Database\Query\Builder
    {
        return Capsule::table(self::TABLE)->where('service_id', $serviceId);
    }
}
