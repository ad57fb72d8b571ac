<?php

declare(strict_types=1);

namespace Dciflow\Prefect;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/**
 * The words that this module and the flows have to spell alike; what each means stands in whmcs-module/contract.json.
 *
 * Both sides are tested against that file, so a word changes there and on both sides, or nowhere.
 */
final class Contract
{
    // The flows that this module starts, each by its deployment `<flow>/whmcs`.
    public const DEPLOYMENT = 'whmcs';
    public const ACTIVATE = 'activate';
    public const SUSPEND = 'suspend';
    public const UNSUSPEND = 'unsuspend';
    public const TERMINATE = 'terminate';
    public const POWER = 'power';
    public const REINSTALL = 'reinstall';
    public const CHANGE_ADDRESSES = 'change-addresses';
    public const CHANGE_ORDER = 'change-order';
    public const SET_PTR = 'set-ptr';
    public const RESCUE = 'rescue';
    public const RENAME = 'rename';
    public const SIGN_IN = 'sign-in';
    public const CHECK_PANEL = 'check-panel';
    public const DECIDE_HELD = 'decide-held';
    public const ADOPT = 'adopt';

    // What is done only while WHMCS still wants it, and how the line of a run begins that was not done for that reason.
    public const TAKES_AWAY = [self::SUSPEND, self::TERMINATE];
    public const OVERTAKEN = 'Overtaken';

    // Who asks for a run.
    public const BY_ADMIN = 'admin';
    public const BY_API = 'api';
    public const BY_CLIENT = 'client';
    public const BY_CRON = 'cron';

    // The longest name of a member of staff that is sent, in bytes.
    public const WHO_LONGEST = 80;

    // The one function that flows call by ModuleCustom of WHMCS's API.
    public const CUSTOM_SYNC = 'sync';

    // What staff decide here about a service that is HELD; for all else the page shows the command.
    public const DECISION_RETRY = 'retry';
    public const DECISION_RELEASE = 'release';

    // Labels that flows put on their runs.
    public const LABEL_PREFIX = 'dciflow.';
    public const LABEL_ADDRESSES = 'addresses';
    public const LABEL_HELD = 'held';
    public const LABEL_NEXT_RUN = 'next_run';
    public const LABEL_OS = 'os';
    public const LABEL_OWNER = 'owner';
    public const LABEL_POWER = 'power';
    public const LABEL_SEALED_KEY = 'sealed_key';
    public const LABEL_SERIAL = 'serial';
    public const LABEL_SERVER = 'server';
    public const LABEL_STATE = 'state';
    public const LABEL_STEP = 'step';
    public const LABEL_USERNAME = 'username';

    // How far an activation is, in order: values of the label `step`.
    public const STEP_RESERVED = 'reserved';
    public const STEP_INSTALLING = 'installing';
    public const STEP_READY = 'ready';

    // What is asked of a server's power, and values of the label `power`.
    public const POWER_ON = 'on';
    public const POWER_OFF = 'off';
    public const POWER_REBOOT = 'reboot';
    public const POWER_LOOK = 'look';
    public const POWERED = ['on', 'off', 'unknown'];

    // What is asked of the panel's rescue system.
    public const RESCUE_START = 'start';
    public const RESCUE_LEAVE = 'leave';

    // The type and the base64 of an SSH public key, without a comment.
    public const SSH_KEY = '~^('
        . 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI[A-Za-z0-9+/]{43}'
        . '|ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBB[A-Za-z0-9+/]{86}='
        . '|ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhB[A-Za-z0-9+/]{129}=='
        . '|ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFB[A-Za-z0-9+/]{177}=='
        . '|ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB[A-Za-z0-9+/]{346,1372}={0,2}'
        . ')$~D';

    // How a secret comes back from a run that is sealed for the session which asked, and where the panel's key signs in.
    public const SEALED_PURPOSE = 'dciflow sealed 1';
    public const SEALED_KEY = '/^[A-Za-z0-9_-]{16,128}$/D';
    public const SEALED_SECONDS = 300;
    public const SIGN_IN_PAGE = '/auth/key-v4/';

    // How the line of an errand begins that was refused for its number.
    public const TOO_OFTEN = 'Too often: ';

    // States of the ledger that this module knows: values of the label `state`.
    public const STATE_ACTIVE = 'ACTIVE';
    public const STATE_HELD = 'HELD';
    public const STATE_NEW = 'NEW';
    public const STATE_RELEASED = 'RELEASED';

    // Prefect variables that flows write, and the lists in them. A panel's name follows all but the last.
    public const VARIABLE_CATALOGUE = 'dcimanager_catalogue';
    public const VARIABLE_TRAFFIC = 'dcimanager_traffic';
    public const VARIABLE_TRAFFIC_DAYS = 'dciflow_traffic';
    public const VARIABLE_RECONCILIATION = 'dciflow_reconciliation';
    public const VARIABLE_HELD = 'dciflow_held';
    public const LIST_CONFIGURATIONS = 'configurations';
    public const LIST_OS_TEMPLATES = 'os_templates';
    public const LIST_IP_POOLS = 'ip_pools';
    public const LIST_LOCATIONS = 'locations';
    public const LIST_SERVICES = 'services';
    public const LIST_OPEN = 'open';

    // The Prefect block that holds a panel's credentials, and the one of a server record that is not saved yet.
    public const BLOCK_PANEL = 'dcimanager-panel';
    public const BLOCK_PANEL_FIELDS = ['url', 'username', 'password', 'verify_tls'];
    public const BLOCK_PANEL_UNSAVED = 'whmcs-unsaved';

    /** The name of a panel's variable: Prefect's variables know no dashes, so a panel's become underscores. */
    public static function variableOf(string $panel, string $variable): string
    {
        return $variable . '_' . str_replace('-', '_', $panel);
    }
}
