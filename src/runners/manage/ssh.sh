no() { echo "$1" >&2; exit 255; }
for name in winrm ssh_pre_flight cmd_umask; do
eval "[ -z \"\$$name\" ]" || no "$name in the roster is not supported by Halite"
done
pass=$passwd phrase=$priv_passwd
unset passwd priv_passwd
case $host$user$pass$phrase in *sdb://*) no 'sdb:// in the roster is not supported by Halite';; esac
host=${host#\[} host=${host%\]}
for name in "$host" "$user" "$sudo_user"; do
case $name in -*|*[[:space:][:cntrl:]\'\`\"\;\&\<\>\|\(\)\{\}]*) no "'$name' is no name of a host or user";; esac
done
case $host in ''|*[\$\\]*) no "'$host' is no name of a host";; esac
there=$1
if [ "$sudo" ]; then
[ "$sudo_user" ] && there="-u '$sudo_user' $there"
[ "$pass" ] && there="-S -p '' $there"
there="sudo $there"
fi
[ "$set_path" ] && there="PATH=$set_path; export PATH; $there"
[ "$pass" ] && with=yes || with=no
set -- -o KbdInteractiveAuthentication=no -o PasswordAuthentication=$with -o GSSAPIAuthentication=no
[ "${timeout%.*}" -gt 0 ] && set -- "$@" -o "ConnectTimeout=${timeout%.*}"
[ "$pass$phrase" ] || set -- "$@" -o BatchMode=yes
[ "$ignore_host_keys$no_host_keys" ] && set -- "$@" -o StrictHostKeyChecking=no
[ "$no_host_keys" ] && set -- "$@" -o UserKnownHostsFile=/dev/null
[ -f "$known_hosts_file" ] && set -- "$@" -o "UserKnownHostsFile=$known_hosts_file"
[ "$identities_only" ] && set -- "$@" -o IdentitiesOnly=yes
[ "$port" ] && set -- "$@" -p "$port"
[ "$priv" ] && [ "$priv" != agent-forwarding ] && set -- "$@" -i "$priv"
[ "$user" ] && set -- "$@" -l "$user"
set -f
IFS=,
for name in $remote_port_forwards; do set -- "$@" -R "$name"; done
IFS='
'
for name in $ssh_options; do set -- "$@" -o "$name"; done
[ "$tty" ] && set -- "$@" -tt
[ "$pass$phrase" ] || exec ssh "$@" -- "$host" "$there"
[ "$pass" ] && [ "$phrase" ] && no 'passwd and priv_passwd of one host are not supported by Halite'
command -v sshpass >/dev/null || no 'passwd and priv_passwd need the program sshpass, which is not here'
export SSHPASS="$pass$phrase"
[ "$phrase" ] && set -- -P assphrase ssh "$@" || set -- ssh "$@"
[ "$pass" ] && [ "$sudo" ] || exec sshpass -e "$@" -o StrictHostKeyChecking=yes -- "$host" "$there"
exec sshpass -e "$@" -o StrictHostKeyChecking=yes -- "$host" "$there" <<END
$pass
END
