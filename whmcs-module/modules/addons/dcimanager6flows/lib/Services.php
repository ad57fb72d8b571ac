<?php

declare(strict_types=1);

namespace Dciflow;

use WHMCS\Database\Capsule;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** What we last heard of each service's server: what the pages show without asking anybody. */
final class Services
{
    public const MODULE = 'dcimanager6';
    public const READY = 'ready';
    public const MAIL_NONE = 'none'; // nothing was held back
    public const MAIL_HELD = 'held'; // WHMCS wanted to send it too early
    public const MAIL_DUE = 'due'; // to be sent now
    public const MAIL_SENT = 'sent';

    private const TABLE = 'mod_dcimanager6_service';
    private const LABELS = [ // and how many characters of each our columns take
        'step' => 20, 'state' => 20, 'held' => 100, 'serial' => 200, 'addresses' => 20000, 'os' => 200,
        'username' => 100,
    ];
    private const WITHOUT_A_SERVER = ['NEW', 'RELEASED'];
    private const NUMBERS = ['server_id' => 'server', 'owner' => 'owner'];

    public static function find(int $serviceId): ?\stdClass
    {
        return self::row($serviceId)->first();
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

    /** Write down what a run's labels say; what it does not say stays. */
    public static function learn(int $serviceId, string $panel, Run $run): void
    {
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
        if (isset($news['state']) && $news['state'] !== 'HELD') {
            $news['held'] = null;
        }
        self::ensure($serviceId);
        self::row($serviceId)->update($news);
        if (in_array($run->label('state'), self::WITHOUT_A_SERVER, true)) {
            self::row($serviceId)->update(['server_since' => null]);
        } elseif (isset($news['server_id'])) {
            // Since when we know of it, which is a little later than it has it.
            self::row($serviceId)->whereNull('server_since')->update(['server_since' => Time::now()]);
        }
    }

    public static function isReady(int $serviceId): bool
    {
        $row = self::find($serviceId);
        return $row !== null && $row->step === self::READY;
    }

    /** Its activation is over and well. */
    public static function ready(int $serviceId): void
    {
        self::ensure($serviceId);
        self::row($serviceId)->update(['step' => self::READY, 'updated_at' => Time::now()]);
    }

    /** A new activation begins: what was shown of the last one is over, a mail that is held stays so. */
    public static function begin(int $serviceId): void
    {
        $row = self::ensure($serviceId);
        self::row($serviceId)->update(['step' => null, 'orphaned_at' => null, 'updated_at' => Time::now()]);
        if ($row->mail === self::MAIL_SENT) {
            self::moveMail($serviceId, [self::MAIL_SENT], self::MAIL_NONE);
        }
    }

    /** Its server went back: nothing of it is the client's any more. */
    public static function released(int $serviceId): void
    {
        self::ensure($serviceId);
        self::row($serviceId)->update([
            'step' => 'released', 'addresses' => null, 'username' => null, 'held' => null, 'mail' => self::MAIL_NONE,
            'mail_at' => null, 'server_since' => null, 'updated_at' => Time::now(),
        ]);
    }

    public static function orphan(int $serviceId): void
    {
        self::row($serviceId)->update(['orphaned_at' => Time::now()]);
    }

    public static function forget(int $serviceId): void
    {
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
        $rows = Capsule::table(self::TABLE)->where('step', self::READY)
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

    private static function row(int $serviceId): \Illuminate\Database\Query\Builder
    {
        return Capsule::table(self::TABLE)->where('service_id', $serviceId);
    }
}
