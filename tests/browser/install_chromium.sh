#!/bin/sh
# Make sure the browser tests find a Chromium: one that is there, else Debian's or Ubuntu's package, else Playwright's.
set -eu
python="$1"

for browser in ${RETINA_CHROMIUM:-} chromium chromium-browser google-chrome; do
    if command -v "$browser" >/dev/null 2>&1; then
        echo "Browser tests will use $(command -v "$browser")."
        exit 0
    fi
done

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    as_root="sudo -n"
    command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null || as_root="no"
fi
if command -v apt-get >/dev/null 2>&1 && [ "$as_root" != "no" ]; then
    echo "Installing Chromium by apt ..."
    if $as_root apt-get update -qq && $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; then
        exit 0
    fi
    echo "apt could not install Chromium; trying Playwright's own download ..."
fi
"$python" -m playwright install chromium || {
    echo "No Chromium: install one, or name it in RETINA_CHROMIUM, then run make test again." >&2
    exit 1
}
