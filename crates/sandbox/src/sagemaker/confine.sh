# The first process of a job's own namespaces: shows it what is its own, and then runs it without the right to look again.
# Arguments: the world's folder, the job's folder, its folder in memory or nothing, whether it has a network of its own or
# nothing, the names of its hosts as /etc/hosts has them, then the command.
set -e
world=$1 own=$2 memory=$3 network=$4 hosts=$5
shift 5
# As the first process here it would heed no signal that comes before the command is there to get it.
told=
trap 'told=1' TERM
rm -f "$own/.starting"
# A network of its own has loopback, as a container without network has; where this machine lacks `ip` it has none.
if [ -n "$network" ]; then ip link set lo up 2>/dev/null || true; fi
# Held open, for they are about to be hidden.
exec 3<"$own"
mount -t proc proc /proc
if [ -n "$memory" ]; then
    exec 4<"$memory"
    mount -t tmpfs -o mode=1777 tmpfs /dev/shm
    mkdir -m 700 "$memory"
    mount --no-canonicalize --bind /proc/self/fd/4 "$memory"
    exec 4<&-
fi
mkdir -p "$world"
mount -t tmpfs -o mode=700 tmpfs "$world"
mkdir -p "$own"
mount --no-canonicalize --bind /proc/self/fd/3 "$own"
if [ -e /etc/hosts ]; then
    { cat /etc/hosts && printf '\n%s' "$hosts"; } >"$world/.hosts"
    mount --bind "$world/.hosts" /etc/hosts
fi
mount -o remount,bind,ro "$world"
exec 3<&-
# Training code expects its folder at /opt/ml, beside whatever this machine has in /opt.
if [ -d /opt ]; then
    if [ ! -d /opt/ml ]; then
        exec 5</opt
        mount -t tmpfs -o mode=755 tmpfs /opt
        for entry in "/proc/$$/fd/5"/* "/proc/$$/fd/5"/.[!.]*; do
            if [ -L "$entry" ]; then
                cp -P "$entry" /opt
            elif [ -d "$entry" ]; then
                mkdir "/opt/${entry##*/}"
                mount --no-canonicalize --rbind "$entry" "/opt/${entry##*/}"
            elif [ -e "$entry" ]; then
                : > "/opt/${entry##*/}"
                mount --no-canonicalize --bind "$entry" "/opt/${entry##*/}"
            fi
        done
        exec 5<&-
        mkdir /opt/ml
    fi
    mount --bind "$own" /opt/ml
fi
# The machine's services listen in these: whoever speaks with docker's is root there. What names are resolved by stays, and
# so do links, by which some systems find their programs.
resolv=$(readlink -f /etc/resolv.conf || true)
names=$(cat /etc/resolv.conf 2>/dev/null || true)
for run in /run /var/run; do
    if [ ! -d "$run" ] || [ -L "$run" ]; then continue; fi
    exec 6<"$run"
    mount -t tmpfs -o mode=755 tmpfs "$run"
    for entry in "/proc/$$/fd/6"/*; do
        if [ -L "$entry" ]; then cp -P "$entry" "$run"; fi
    done
    exec 6<&-
    case $resolv in
    "$run"/*) mkdir -p "${resolv%/*}" && printf '%s\n' "$names" >"$resolv" ;;
    esac
    mount -o remount,bind,ro "$run"
done
# Nor does it set anything of the machine's, be it root's.
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
if grep -q ' /sys sysfs ' /proc/mounts; then mount -o remount,bind,ro,nosuid,nodev,noexec /sys; fi
cd "$own"
if [ -n "$told" ]; then exit 143; fi
# What is mounted here cannot be taken off from the namespaces within. The job's own variables come last: the loader and
# the shell obey some of them.
# shellcheck disable=SC2016
unshare --user --map-current-user --mount -- sh -c '
for _own in $STRONGROOM_JOB_NAMES; do
    eval "command export $_own=\"\$STRONGROOM_JOB_$_own\""
    unset "STRONGROOM_JOB_$_own"
done
unset _own STRONGROOM_JOB_NAMES
exec "$@"' sh "$@"
exit $?
