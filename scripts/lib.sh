# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What the scripts here share: messages, the cache, names of kernels.

# shellcheck disable=SC2034 # used by those who source this
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${EFH_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/efh}
# What a command in a chroot finds of the environment
# shellcheck disable=SC2034
clean_env=(/usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive)

say()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die()
{
	say "$*"
	exit 1
}

need_root()
{
	[ "$(id -u)" = 0 ] || die "needs root: it makes chroots and mounts"
}

# The Debian release that holds a kernel; its version comes from the release.
release_of()
{
	case $1 in
	6.1 | bookworm) echo bookworm ;;
	6.12 | trixie) echo trixie ;;
	newest | sid) echo sid ;;
	*) die "no such kernel: $1 (6.1, 6.12 or newest)" ;;
	esac
}

# name_of RELEASE: what people call the kernel in it
name_of()
{
	case $1 in
	bookworm) echo 6.1 ;;
	trixie) echo 6.12 ;;
	sid) echo newest ;;
	esac
}

# lock NAME: one at a time for each thing in the cache, until this shell ends
lock()
{
	mkdir -p "$cache"
	exec {lock_fd}>"$cache/.lock-$1"
	if ! flock -n "$lock_fd"; then
		say "waiting for another run that makes $1"
		flock "$lock_fd"
	fi
}

unlock()
{
	exec {lock_fd}>&-
}

# The files of the checkout, whether committed yet or not
sources()
{
	# a path that git still lists may be gone from the folder
	git -C "$top" -c safe.directory="$top" ls-files -co --exclude-standard -- "$@" |
		while IFS= read -r file; do
			[ ! -f "$top/$file" ] || printf '%s\n' "$file"
		done
}

# prune DIR PATTERN NUMBER: only so many of a kind stay cached
prune()
{
	find "$1" -maxdepth 1 -name "$2" -printf '%T@ %p\n' |
		sort -rn | tail -n "+$(($3 + 1))" | cut -d ' ' -f 2- | xargs -r rm -rf
}
