#!/bin/sh
# Puts dciflow's module into a WHMCS, checks it, replaces it by a newer one, and takes it out again.
# Nothing that a host changed is overwritten or deleted: it is named, and kept in the folder of --save where one is given.
set -eu
umask 022

SERVER=modules/servers/dcimanager6
ADDON=modules/addons/dcimanager6flows
MANIFEST=$ADDON/manifest.sha256
PHP=${PHP:-php}
OLDEST_PHP=7.4

usage() {
    cat >&2 << 'END'
sh dciflow-whmcs.sh check WHMCS [--door URL]            look at PHP, at the files, and whether the door answers
sh dciflow-whmcs.sh install ARCHIVE WHMCS               the first time
sh dciflow-whmcs.sh upgrade ARCHIVE WHMCS [--save DIR]  replace the module that is there
sh dciflow-whmcs.sh remove WHMCS [--save DIR]           delete its files; what stands in WHMCS's database stays

ARCHIVE  dciflow-whmcs-<version>.tar.gz, verified (docs/install.md, step 6)
WHMCS    the folder with configuration.php in it
--save   where files that were changed here go before they are replaced or deleted; not below WHMCS
Another PHP than the one on the path: PHP=/usr/bin/php8.2 sh dciflow-whmcs.sh ...
END
    exit 2
}

refuse() {
    printf '%s\n' "$1" >&2
    exit 1
}

work=
tidy() {
    if [ -n "$work" ]; then rm -rf -- "$work"; fi
}
trap tidy EXIT
trap 'exit 130' INT TERM HUP

# --- what is there ---

require_whmcs() {
    [ -f "$whmcs/configuration.php" ] && [ -d "$whmcs/modules/servers" ] && [ -d "$whmcs/modules/addons" ] ||
        refuse "$whmcs is no WHMCS: configuration.php, modules/servers or modules/addons is missing. Nothing was changed."
    for folder in "$SERVER" "$ADDON"; do
        if [ -L "$whmcs/$folder" ]; then refuse "$whmcs/$folder is a link. Nothing was changed: put a folder in its place."; fi
    done
}

# The module's files that are there, one a line, in order.
present() {
    (cd "$whmcs" && find "$SERVER" "$ADDON" ! -type d ! -name '*.dciflow-new' 2> /dev/null) | LC_ALL=C sort
}

# The files that a manifest lists.
listed() {
    sed 's/^[0-9a-f]*  //' "$1"
}

# Whether a file is as a manifest has it. $1: the manifest, $2: the file.
is_as_listed() {
    grep -F -x -q -- "$(sha256sum < "$whmcs/$2" | cut -d ' ' -f 1)  $2" "$1"
}

# The files that are neither as the installed manifest says nor as the new one does.
changed() {
    present | while IFS= read -r file; do
        if [ "$file" = "$MANIFEST" ]; then continue; fi
        if [ -f "$whmcs/$MANIFEST" ] && is_as_listed "$whmcs/$MANIFEST" "$file"; then continue; fi
        if [ -n "$work" ] && [ -f "$work/$MANIFEST" ] && is_as_listed "$work/$MANIFEST" "$file"; then continue; fi
        printf '%s\n' "$file"
    done
}

# --- the archive ---

unpack() {
    work=$(mktemp -d)
    tar -tzf "$archive" > "$work/names" 2> /dev/null || refuse "$archive is no archive of the module. Nothing was changed."
    if grep -E -v -q "^($SERVER|$ADDON)/[^/]" "$work/names" || grep -E -q '(^|/)\.\.(/|$)' "$work/names"; then
        refuse "$archive has files that are no part of the module. Nothing was changed."
    fi
    tar -xzf "$archive" --no-same-owner -C "$work"
    [ -f "$work/$MANIFEST" ] || refuse "$archive has no manifest: it is older than this program. Nothing was changed."
    (cd "$work" && sha256sum --check --quiet --strict "$MANIFEST" > /dev/null 2>&1) ||
        refuse "$archive is not whole: its files are not those of its manifest. Nothing was changed."
}

# Each file is complete under another name before any takes its place, and the manifest comes last.
put() {
    owner=$(stat -c %u:%g "$whmcs/modules/servers")
    listed "$work/$MANIFEST" > "$work/files"
    printf '%s\n' "$MANIFEST" >> "$work/files"
    while IFS= read -r file; do
        make_folder "$(dirname "$file")"
        cp -- "$work/$file" "$whmcs/$file.dciflow-new"
        chmod 0644 "$whmcs/$file.dciflow-new"
        if [ "$(id -u)" = 0 ]; then chown "$owner" "$whmcs/$file.dciflow-new"; fi
    done < "$work/files"
    while IFS= read -r file; do
        mv -f -- "$whmcs/$file.dciflow-new" "$whmcs/$file"
    done < "$work/files"
}

make_folder() {
    if [ -d "$whmcs/$1" ]; then return; fi
    make_folder "$(dirname "$1")"
    mkdir -m 0755 "$whmcs/$1"
    if [ "$(id -u)" = 0 ]; then chown "$owner" "$whmcs/$1"; fi
}

# Refuse, or keep what was changed here. $1: what would be done to it.
keep_changed() {
    changed > "$work/changed"
    if [ ! -s "$work/changed" ]; then return; fi
    if [ -z "$save" ]; then
        sed 's/^/changed here: /' "$work/changed" >&2
        refuse "These would be $1. Nothing was changed: give --save DIR, and they are kept there."
    fi
    while IFS= read -r file; do
        mkdir -p "$save/$(dirname "$file")"
        cp -p -- "$whmcs/$file" "$save/$file"
    done < "$work/changed"
    printf '%s\n' "files that were changed here, kept in $save: $(wc -l < "$work/changed")"
}

require_save() {
    if [ -z "$save" ]; then return; fi
    mkdir -p "$save"
    case $(cd "$save" && pwd -P)/ in
        "$(cd "$whmcs" && pwd -P)"/*) refuse "$save is below WHMCS: choose a folder that no web server shows." ;;
        *) ;;
    esac
    if [ -n "$(ls -A "$save")" ]; then refuse "$save is not empty: choose another folder. Nothing was changed."; fi
}

# --- the commands ---

install_module() {
    require_whmcs
    unpack
    if [ -n "$(present)" ]; then
        refuse "There is a module in $SERVER or $ADDON already: upgrade it. Another vendor's you move away first."
    fi
    put
    printf '%s\n' "installed: $(wc -l < "$work/files") files. Go on in WHMCS: Addon Modules, \"DCImanager 6 flows\", Activate."
}

upgrade_module() {
    require_whmcs
    unpack
    if [ -z "$(present)" ]; then refuse "There is no module in $whmcs: install it."; fi
    require_save
    keep_changed replaced
    find "$whmcs/$SERVER" "$whmcs/$ADDON" -name '*.dciflow-new' -type f -exec rm -f -- {} + 2> /dev/null || true
    present > "$work/before"
    put
    while IFS= read -r file; do
        if ! grep -F -x -q -- "$file" "$work/files"; then rm -f -- "$whmcs/$file"; fi
    done < "$work/before"
    remove_empty_folders
    printf '%s\n' "upgraded: $(wc -l < "$work/files") files."
}

remove_module() {
    require_whmcs
    work=$(mktemp -d)
    if [ -z "$(present)" ]; then refuse "There is no module in $whmcs. Nothing was changed."; fi
    require_save
    keep_changed deleted
    present > "$work/before"
    while IFS= read -r file; do
        rm -f -- "$whmcs/$file"
    done < "$work/before"
    remove_empty_folders
    printf '%s\n' "removed: $(wc -l < "$work/before") files. What the module wrote into WHMCS's database is still there."
}

remove_empty_folders() {
    find "$whmcs/$SERVER" "$whmcs/$ADDON" -depth -type d -empty -exec rmdir -- {} \; 2> /dev/null || true
}

mend=0
good() {
    printf 'good     %s\n' "$1"
}
mend() {
    printf 'mend     %s\n' "$1"
    mend=1
}

check() {
    require_whmcs
    check_php
    check_files
    if [ -n "$door" ]; then check_door; fi
    exit "$mend"
}

check_php() {
    if ! version=$("$PHP" -r 'echo PHP_VERSION;' 2> /dev/null); then
        mend "PHP: $PHP cannot be started. Name the PHP that WHMCS runs on: PHP=/usr/bin/php8.2"
        return
    fi
    if "$PHP" -r "exit(version_compare(PHP_VERSION, '$OLDEST_PHP', '>=') ? 0 : 1);"; then
        good "PHP $version on the command line (the web server's may be another: WHMCS shows it under PHP Info)"
    else
        mend "PHP $version: the module needs $OLDEST_PHP or later"
    fi
    for extension in curl json; do
        if has_extension "$extension"; then good "PHP has $extension"; else mend "PHP has no $extension: install it"; fi
    done
    has_extension sodium || printf 'unknown  %s\n' "PHP has no sodium: nobody can sign in to the panel from WHMCS"
    has_extension intl || printf 'unknown  %s\n' "PHP has no intl: host names are to be written in Latin letters"
}

has_extension() {
    "$PHP" -r "exit(extension_loaded('$1') ? 0 : 1);"
}

check_files() {
    if [ -z "$(present)" ]; then
        mend "the module is not installed"
        return
    fi
    if [ ! -f "$whmcs/$MANIFEST" ]; then
        mend "the module has no manifest, so nobody can tell what was changed: upgrade it"
    else
        work=$(mktemp -d)
        changed > "$work/changed"
        missing > "$work/missing"
        while IFS= read -r file; do mend "changed here, or no part of the module: $file"; done < "$work/changed"
        while IFS= read -r file; do mend "missing: $file"; done < "$work/missing"
        if [ ! -s "$work/changed" ] && [ ! -s "$work/missing" ]; then
            good "$(wc -l < "$whmcs/$MANIFEST") files, as they were released"
        fi
    fi
    check_rights
}

missing() {
    listed "$whmcs/$MANIFEST" | while IFS= read -r file; do
        if [ ! -f "$whmcs/$file" ]; then printf '%s\n' "$file"; fi
    done
}

check_rights() {
    owner=$(stat -c %u "$whmcs/modules/servers")
    odd=$(cd "$whmcs" && find "$SERVER" "$ADDON" \( -perm /0022 ! -type l \) -o -type f ! -perm -0004 -o ! -user "$owner")
    if [ -z "$odd" ]; then
        good "every file belongs to the owner of modules/servers, everybody can read it, and nobody else can change it"
    else
        mend "not of the owner of modules/servers, or to be changed by anybody, or not to be read by the web server: $(
            printf '%s\n' "$odd" | head -n 1
        ) ($(printf '%s\n' "$odd" | wc -l) in all)"
    fi
}

check_door() {
    # shellcheck disable=SC2016 # the dollars are PHP's
    said=$("$PHP" -r '
        $call = curl_init(rtrim($argv[1], "/") . "/health");
        curl_setopt_array($call, [CURLOPT_RETURNTRANSFER => true, CURLOPT_TIMEOUT => 10]);
        $body = curl_exec($call);
        echo $body === false ? curl_error($call) : "HTTP " . curl_getinfo($call, CURLINFO_RESPONSE_CODE);
    ' "$door" 2> /dev/null) || said="PHP has no curl"
    case $said in
        "HTTP 401") good "the door at $door answers, and wants its auth string" ;;
        *) mend "the door at $door does not answer as it should ($said): 401 was expected, from dciflow door" ;;
    esac
}

# --- the command line ---

[ $# -ge 2 ] || usage
command=$1
shift
archive=
save=
door=
if [ "$command" = install ] || [ "$command" = upgrade ]; then
    archive=$1
    shift
fi
[ $# -ge 1 ] || usage
whmcs=${1%/}
shift
while [ $# -ge 2 ]; do
    case $command$1 in
        check--door) door=$2 ;;
        upgrade--save | remove--save) save=$2 ;;
        *) usage ;;
    esac
    shift 2
done
[ $# = 0 ] || usage
case $command in
    check) check ;;
    install) install_module ;;
    upgrade) upgrade_module ;;
    remove) remove_module ;;
    *) usage ;;
esac
