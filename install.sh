#!/bin/sh
# Installs starling: picks the release asset of this machine, checks its SHA-256 and puts it where programs lie.
#
#   install.sh --from URL [--version VERSION] [--to DIR]
#
# URL is where releases lie, laid out as GitHub does: URL/download/vVERSION/ASSET, URL/latest/download/ASSET,
# with a file SHA256SUMS beside the assets. The same can be said by STARLING_RELEASES, STARLING_INSTALL_VERSION
# and STARLING_INSTALL_DIR. It needs curl or wget, and one of sha256sum, shasum and openssl; nothing is written
# before the checksum is right.
set -eu

releases=${STARLING_RELEASES:-}
version=${STARLING_INSTALL_VERSION:-latest}
folder=${STARLING_INSTALL_DIR:-${HOME:-}/.local/bin}

fail() {
  echo "error: Cannot install starling: $1" >&2
  if [ "${GITHUB_ACTIONS:-}" = true ]; then echo "::error::Cannot install starling: $1" >&2; fi
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

while [ $# -gt 0 ]; do
  [ $# -ge 2 ] || fail "$1 needs a value (--from URL, --version VERSION, --to DIR)"
  case $1 in
    --from) releases=$2 ;;
    --version) version=$2 ;;
    --to) folder=$2 ;;
    *) fail "there is no option $1 (--from URL, --version VERSION, --to DIR)" ;;
  esac
  shift 2
done
[ -n "$releases" ] || fail "it is not said where releases lie (--from URL)"

case $(uname -s) in
  Linux) system=linux suffix= ;;
  Darwin) system=macos suffix= ;;
  MINGW* | MSYS* | CYGWIN*) system=windows suffix=.exe ;;
  *) fail "there is no executable for $(uname -s); run it from source with Deno" ;;
esac
case $(uname -m) in
  x86_64 | amd64) machine=x64 ;;
  aarch64 | arm64) machine=arm64 ;;
  *) fail "there is no executable for $(uname -m); run it from source with Deno" ;;
esac
asset=starling-$system-$machine$suffix

case $version in
  latest) base=${releases%/}/latest/download ;;
  *[!0-9A-Za-z.+-]*) fail "$version is no version" ;;
  *) base=${releases%/}/download/v${version#v} ;;
esac

fetch() { # URL FILE
  if has curl; then
    curl -fsSL --retry 3 --connect-timeout 20 -o "$2" "$1" 2>"$scratch/why" ||
      fail "$1 cannot be fetched ($(tail -n 1 "$scratch/why"))"
  elif has wget; then
    wget -q -O "$2" "$1" || fail "$1 cannot be fetched"
  else
    fail "there is neither curl nor wget"
  fi
}

digest() { # FILE
  if has sha256sum; then sha256sum <"$1"
  elif has shasum; then shasum -a 256 <"$1"
  elif has openssl; then openssl dgst -sha256 -r <"$1"
  else fail "there is neither sha256sum, shasum nor openssl"; fi | cut -c 1-64
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
fetch "$base/SHA256SUMS" "$scratch/sums"
wanted=$(awk -v name="$asset" '$2 == name || $2 == "*" name { print tolower($1); exit }' "$scratch/sums")
[ -n "$wanted" ] || fail "the release has no $asset"
fetch "$base/$asset" "$scratch/starling"
found=$(digest "$scratch/starling")
[ "$found" = "$wanted" ] || fail "the SHA-256 of $asset is $found, not $wanted"

mkdir -p "$folder" || fail "$folder cannot be made"
chmod 755 "$scratch/starling"
# Beside its place first, so that a program that runs is replaced at once or not at all.
cp "$scratch/starling" "$folder/.starling-$$" || fail "$folder cannot be written to"
mv -f "$folder/.starling-$$" "$folder/starling$suffix" || fail "$folder/starling cannot be replaced"
echo "installed $folder/starling$suffix ($asset, SHA-256 $found)"
case :${PATH:-}: in
  *:"$folder":*) ;;
  *) [ "${GITHUB_ACTIONS:-}" = true ] || echo "hint: $folder is not on your PATH" ;;
esac
