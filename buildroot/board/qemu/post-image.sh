#!/bin/sh
# The data partition: made once. An image that is built anew is an update, and
# the device keeps its keys, certificates and users.
set -eu

if [ ! -e "$BINARIES_DIR/data.ext4" ]; then
	"$HOST_DIR/sbin/mkfs.ext4" -q -L data "$BINARIES_DIR/data.ext4" 32M
fi
