#!/bin/sh
# The first administrator's password of this image: a random one, since there
# is no default. On a product each device gets its own in the factory.
set -eu

if [ ! -e "$BINARIES_DIR/admin-password" ]; then
	(umask 077 && head -c 12 /dev/urandom | base64 >"$BINARIES_DIR/admin-password")
fi
install -D -m 0600 /dev/null "$TARGET_DIR/etc/default/onvifd"
echo "ONVIFD_ADMIN_PASSWORD='$(cat "$BINARIES_DIR/admin-password")'" \
	>"$TARGET_DIR/etc/default/onvifd"
