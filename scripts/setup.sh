# Sourced by run, test, bench and build: installs what is missing, says so on stderr, and is quick where
# nothing is. It needs bash, Python >= 3.11 and, for what isn't installed yet, a network.
#
#   system_packages NAME...    the distribution's packages, as far as this user may install them
#   stays_stopped SERVICE      whether installing this service doesn't start it
#   python_packages SET        requirements-SET.txt (SET run: requirements.txt) into the venv
#
# Afterwards $venv is the virtual environment and $root the checkout.

set -euo pipefail

root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# -- which Python

probe='import sys
if sys.version_info < (3, 11): sys.exit(1)
def has(name):
    try: __import__(name)
    except ImportError: return 0
    return 1
print(has("tkinter"), max(has("ensurepip"), has("pip")), sys.version_info[1], sys.executable)'

# Every usable interpreter, best first: with tkinter, able to fill a venv, the newest.
pythons() {
    local name path line
    for name in python3.{14,13,12,11} python3; do
        for path in $(type -aP "$name"); do
            line=$("$path" -c "$probe" 2>/dev/null) && echo "$line"
        done
    done | sort -k1,1nr -k2,2nr -k3,3nr -s
}

# The packages that would give Debian's own interpreter what none of `pythons` has.
missing_for_python() {
    local tk=0 pip=0 minor=0 path=
    read -r tk pip minor path < <(pythons) || true
    if [[ $pip == 0 && $path == /usr/bin/* ]]; then echo "python3.$minor-venv"; fi
    if [[ $tk == 0 ]] && /usr/bin/python3 -c "$probe" &>/dev/null; then
        printf '%s\n' python3-tk python3-venv
    fi
}

# -- the distribution's packages

missing_packages() {
    local installed name
    installed=$'\n'$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
    for name; do
        [[ $installed$'\n' == *$'\n'"$name installed"$'\n'* ]] || echo "$name"
    done
}

apt_install() {
    local command=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
    if ((EUID != 0)); then command=(sudo -n "${command[@]}"); fi
    # The lock's descriptor stays here: a daemon that a package starts would hold it for ever.
    "${command[@]}" "$@" 9<&- </dev/null >&2
}

# Whether a service that a package brings isn't started, as in most containers (invoke-rc.d(8)).
stays_stopped() {
    local policy=0
    /usr/sbin/policy-rc.d "$1" start &>/dev/null || policy=$?
    ((policy == 101))
}

system_packages() {
    command -v dpkg-query apt-get >/dev/null || return 0
    local missing name told=$venv/.p2pchat-told-${0##*/}
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]})) || return 0
    # Once a day is enough, for an install that fails as for a line that nobody followed.
    if [[ "$(cat "$told" 2>/dev/null)" == "${missing[*]}" && ! -v CI ]] &&
        [[ -n $(find "$told" -mmin -1440) ]]; then
        return 0
    fi
    if ((EUID == 0)) || sudo -n true 2>/dev/null; then
        say "installing ${missing[*]}"
        apt_install install -qq -y --no-install-recommends "${missing[@]}" 2>/dev/null ||
            { apt_install update -qq &&
                apt_install install -qq -y --no-install-recommends "${missing[@]}"; } ||
            for name in "${missing[@]}"; do
                apt_install install -qq -y --no-install-recommends "$name" || true
            done
        mapfile -t missing < <(missing_packages "$@")
        ((${#missing[@]})) || return 0
    fi
    say "going on without ${missing[*]}; to have them:"
    say "    sudo apt-get install -y --no-install-recommends ${missing[*]}"
    if [[ -d $venv ]]; then echo "${missing[*]}" >"$told"; fi
}

# -- the virtual environment

requirements() {
    if [[ $1 == run ]]; then echo "$root/requirements.txt"; else echo "$root/requirements-$1.txt"; fi
}

stamp() { echo "$root $(cksum <"$(requirements "$1")")"; }

ready() {
    [[ -x $venv/bin/python && "$(cat "$venv/.p2pchat-$1" 2>/dev/null)" == "$(stamp "$1")" ]]
}

# In the checkout, where it may be written or was made already; else in the user's cache.
choose_venv() {
    venv=$root/.venv
    if ! [[ -w $root ]] && ! ready "$1"; then
        venv=${XDG_CACHE_HOME:-$HOME/.cache}/p2pchat/venv-$(cksum <<<"$root" | cut -d' ' -f1)
    fi
}

make_venv() {
    local tk pip minor python
    if "$venv/bin/python" -c "$probe" &>/dev/null; then return; fi
    if ! read -r tk pip minor python < <(pythons); then
        say "needs Python 3.11 or newer, and found none"
        exit 1
    fi
    say "making $venv with Python 3.$minor"
    mkdir -p "$venv"
    "$python" -m venv --clear --without-pip "$venv"
    echo "$python" >"$venv/.p2pchat-python"
}

# How to call pip for the venv: its own, the interpreter's, or the one that Debian keeps for its
# tools and that anyone may download.
find_pip() {
    pip=("$venv/bin/python" -m pip)
    "${pip[@]}" --version &>/dev/null && return
    "$venv/bin/python" -m ensurepip &>/dev/null && return
    local python wheel
    python=$(cat "$venv/.p2pchat-python" 2>/dev/null || echo python3)
    pip=("$python" -m pip --python "$venv/bin/python")
    "${pip[@]}" --version &>/dev/null && return
    wheel=$(cd "$venv" && apt-get download -qq python3-pip-whl &>/dev/null </dev/null &&
        dpkg-deb -x python3-pip-whl_*.deb pip-wheel && ls "$PWD"/pip-wheel/usr/share/*/pip-*.whl) || true
    if [[ -n $wheel ]]; then
        pip=("$venv/bin/python" "$wheel/pip")
        return
    fi
    say "can't install Python packages without pip; to have it:"
    say "    sudo apt-get install -y python3-venv"
    exit 1
}

python_packages() {
    ready "$1" && return
    make_venv
    local pip
    find_pip
    say "installing the Python packages of $(basename "$(requirements "$1")")"
    "${pip[@]}" install -q --disable-pip-version-check --require-hashes \
        -r "$(requirements "$1")" 9<&- </dev/null >&2
    "$venv/bin/python" - "$root" <<'PYTHON'
import pathlib, sys, sysconfig
path = pathlib.Path(sysconfig.get_path("purelib"), "p2pchat-checkout.pth")
path.write_text(sys.argv[1] + "\n", encoding="utf-8")
PYTHON
    stamp "$1" >"$venv/.p2pchat-$1"
    # The larger sets hold the same versions of what the program needs.
    stamp run >"$venv/.p2pchat-run"
}

# -- all of it

# install SET PACKAGE...: one at a time, however many are started at once.
install() {
    local set=$1 for_python=()
    shift
    choose_venv "$set"
    if command -v flock >/dev/null; then
        exec 9<"$root/scripts"
        flock -w 2 9 || { say "waiting until another start has installed" && flock 9; }
    fi
    if ! [[ -x $venv/bin/python ]]; then mapfile -t for_python < <(missing_for_python); fi
    system_packages "${for_python[@]}" "$@"
    python_packages "$set"
    exec 9<&-
}
