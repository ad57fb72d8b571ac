"""The concepts that paths, keys and texts speak of, with their words in English and Russian.

A word is written whole; one that ends in * is the beginning of a word (Russian has endings for everything).
"""

import re
from functools import lru_cache
from itertools import pairwise

_WORDS: dict[str, str] = {
    "server": (
        "server servers srv srvs machine machines host hosts node nodes baremetal metal dedicated dedic*"
        " сервер* машин* хост* узел узл*"
    ),
    "switch": "switch switches sw коммутатор* свитч* свич*",
    "port": (
        "link links port ports prt prts interface interfaces iface ifaces порт порта порту порты портов"
        " портом порте портами интерфейс*"
    ),
    "pdu": "pdu pdus outlet outlets socket sockets розет*",
    "owner": "owner owners own ownership holder владел* владен* собственник* хозяин*",
    "user": (
        "user users usr usrs account accounts client clients customer customers tenant tenants member members"
        " пользовател* клиент* аккаунт* арендатор* учетн* учётн* заказчик*"
    ),
    "operation": "operation operations op ops opr task tasks job jobs process processes операц* задач* задани*",
    "address": (
        "adr adrs ip ips ipv4 ipv6 address addresses addr addrs ipaddress ipaddresses ipmgr ipmanager адрес* айпи"
    ),
    "pool": "pool pools ippool ippools пул пула пулы пулов пуле",
    "network": "network networks ipnet ipnets subnet subnets сеть сети сетей",
    "template": (
        "template templates image images distro distros distribution distributions tpl шаблон* образ* дистрибутив*"
    ),
    "os": "os oses operating system systems ostemplate ostemplates ос операционн*",
    "location": (
        "location locations loc locs datacenter datacenters dc site sites place places region regions локац*"
        " расположен* площад* дата датацентр* цод*"
    ),
    "configuration": (
        "configuration configurations config configs cfg cfgs profile profiles model models flavor flavors"
        " flavour flavours spec specs конфигурац* комплектац*"
    ),
    "token": "token tokens tok toks session sessions токен* сесси* сеанс*",
    "login": (
        "tok login signin sign logon auth authenticate authorize authorization authentication token tokens"
        " session sessions вход* войти авториз* аутентифик*"
    ),
    "self": "whoami who me self current profile текущ* себе собствен* кто",
    "traffic": (
        "traffic trf metrics metric usage bandwidth statistics statistic stats stat трафик* статистик* метрик*"
    ),
    "settings": "setting settings preferences preference options настро* параметр*",
    "disk": (
        "dsk dsks disk disks disc discs drive drives storage storages hdd hdds ssd ssds volume volumes data"
        " cleardisks wipedisks erasedisks cleandisks диск* накопител* носител* данн*"
    ),
    "power": "power pwr poweron poweroff powerreset powercycle питан*",
    "on": (
        "on start starts enable enables up activate boot poweron turnon unblock open включ* запус* поднят*"
        " поднима* активир*"
    ),
    "off": (
        "off stop stops disable disables down dn shutdown shut poweroff turnoff halt deactivate block выключ*"
        " отключ* останов* погас* деактивир* блокир*"
    ),
    "start": "start starts boot boots poweron turnon запус* включ*",
    "stop": "stop stops shutdown shut halt poweroff turnoff выключ* останов*",
    "reset": (
        "reset resets reboot reboots restart restarts cycle powercycle powerreset перезагр* перезапус* сброс* рестарт*"
    ),
    "reboot": "reboot reboots restart restarts cycle powercycle powerreset перезагр* перезапус* рестарт*",
    "install": (
        "install* reinstall* deploy* setup setups provision provisioning reimage rebuild osinstall установ*"
        " переустан* разверн* разверт* развёрт* инсталл*"
    ),
    "diag": "diag diags diagnos* dgn dg hwtest диагност*",
    "check": "test tests check checks inspect inspection examine examination провер* тест* обследован*",
    "wipe": (
        "clr clear clears clearing wipe wipes wiping erase erases erasing erasure clean cleans cleaning"
        " sanitize sanitise shred zero cleardisks wipedisks erasedisks cleandisks очист* очищ* стереть стирать"
        " стиран* стирает* затир* затер* занул* обнул*"
    ),
    "assign": (
        "assign assigns assignment set sets change changes bind attach give назнач* присво* закреп* привяз*"
        " установ* задат* смен* измен*"
    ),
    "add": (
        "add adds assign assigns allocate allocates allocation attach give issue grant create creates new"
        " order добав* назнач* выдел* присво* выда* привяз* созда*"
    ),
    "remove": (
        "remove removes delete deletes release releases detach unassign unassigns revoke clear unset free"
        " deallocate unbind unlink drop take withdraw удал* освобо* отвяз* отоз* отзы* снят* снима* убра*"
        " изъят* изыма* открепи* вернут* возвра*"
    ),
    "cancel": (
        "cncl cancel cancels cancellation canceled cancelled abort aborts stop stops terminate terminates"
        " interrupt interrupts end ends kill отмен* прерв* прерыв* преры* останов* заверш* снят*"
    ),
    "leave": (
        "leave leaves exit exits quit finish finishes finished end ends stop stops cancel заверш* выход* выйти покин*"
    ),
    "status": "status statuses state статус* состоян*",
    "list": "list lists all get index search find show view список* списк* перечень перечн* все",
    "create": "create add new register созда* добав* регистр* завести",
    "rack": "rack racks chassis chassises row rows room rooms cluster fleet стойк* стоек шасси ряд* кластер*",
    "bulk": "bulk batch mass multi multiple many group groups several пакетн* массов* групп* нескольк*",
    "record": (
        "record records history log logs logfile event events journal sel report reports result results"
        " archive запис* истори* журнал* лог логи логов событ* отчет* отчёт* результат* архив*"
    ),
    "schedule": ("schedule schedules scheduled scheduler plan plans cron timer delayed later расписан* план* отложен*"),
    "software": (
        "driver drivers agent agents package packages software firmware script scripts app apps application"
        " license licence upgrade certificate ssl plugin component* recipe* панел* драйвер* агент* пакет*"
        " скрипт* прошив* лиценз* сертификат* компонент* прилож*"
    ),
    "rescue": "rescue recovery recover restore восстанов* спасен* rescuecd livecd",
    "network extras": ("poe vlan vlans vpn mirror mirroring speed duplex lldp stp acl firewall зеркал* скорост* влан*"),
    "bmc": "bmc ipmi ilo idrac kvm amt",
    "message": (
        "message messages mail mails email emails notify notification notifications sms letter ticket письм*"
        " письмо* уведомл* сообщен* оповещ* тикет*"
    ),
    "right": "permission permissions right rights access acl role roles права прав доступ* роль роли",
    "secret": "password passwords passwd key keys sshkey sshkeys ssh otp 2fa totp парол* ключ* пароль",
    "ssh": "ssh sshkey sshkeys",
    "login key": "key keys ключ*",
    "other secret": "password passwords passwd sshkey sshkeys ssh otp 2fa totp парол* пароль",
    "name service": "ptr rdns dns domain domains домен* днс",
    "trial": (
        "validate validation preview dry dryrun simulate estimate price cost available availability precheck"
        " доступност* предварит* цена стоимост*"
    ),
    "old": "deprecated legacy obsolete outdated устар*",
    "retry": "retry retries repeat resume restart redo повтор* возобнов* перезапус*",
    "pause": "pause hold suspend resume приостан* пауз*",
    "lock": "lock unlock protect protection unprotect maintenance защит* обслуживан*",
    "virtual": "virtual vm vms vps vds guest guests container containers hypervisor виртуальн* контейнер* гостев*",
    "iso": "iso cdrom pxe",
    "diagnosing": "diagnostic diagnostics recovery rescue диагност* восстанов*",
    "free": "free available unused vacant свобод* доступн*",
    "sort": (
        "type types category categories kind vendor manufacturer platform platforms warehouse тип типы типов"
        " категор* склад* производител* платформ*"
    ),
}

FILLER = frozenset(
    "api rest v action actions do cmd command commands exec execute run start begin request the a an by for of to in"
    " from with id ids public dci post describe show view fetch read measure runs full".split()
)
"""Words of a path that say nothing about what the call does; `run` and `start` begin whatever is named beside them."""

_TURNED = {(verb, way): f"turn{way}" for verb in ("switch", "turn") for way in ("on", "off")}
"""A switch is a thing, and to switch something on is an act."""
VERSION = re.compile(r"v\d+(?:\.\d+)*")
_MANY = re.compile(
    r"\b(?:all|every|each|several|multiple|many|entire|whole)\s+(?:of\s+)?(?:the\s+)?(?:\w+\s+)?"
    r"(?:servers?|machines?|nodes?|hosts?|ports?|interfaces|switch|racks?|chassis|location|neighbou?rs?)\b"
    r"|\b(?:вс[ея]\w*|кажд\w+|нескольк\w+|цел\w+)\s+(?:\w+\s+)?(?:сервер|порт|машин|хост|узл|стойк|коммутатор)\w*",
    re.IGNORECASE,
)


def _pattern(words: str) -> "re.Pattern[str]":
    return re.compile("|".join(re.escape(word).replace(r"\*", r"\w*") for word in words.split()))


_CONCEPTS = {concept: _pattern(words) for concept, words in _WORDS.items()}


def tokens(text: str) -> list[str]:
    """The words of a text, a path segment or a key in lower case: clearDisks, clear_disks and clear-disks are one."""
    parted = re.sub(r"(?<=[a-zа-яё0-9])(?=[A-ZА-ЯЁ])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    words = [word for word in re.split(r"[\W_]+", parted.lower()) if word]
    for number, pair in reversed(list(enumerate(pairwise(words)))):
        if pair in _TURNED:
            words[number : number + 2] = [_TURNED[pair]]
    return words


@lru_cache(maxsize=20_000)
def concepts_of(word: str) -> frozenset[str]:
    """The concepts that a word in lower case can mean."""
    return frozenset(concept for concept, pattern in _CONCEPTS.items() if pattern.fullmatch(word))


@lru_cache(maxsize=20_000)
def concepts_in(text: str) -> frozenset[str]:
    """The concepts that a text speaks of."""
    return frozenset().union(*(concepts_of(word) for word in tokens(text)))


def speaks_of_many(text: str) -> bool:
    """It says that it acts on more than one server or port at once."""
    return _MANY.search(text) is not None
