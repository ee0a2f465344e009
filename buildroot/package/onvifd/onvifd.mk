################################################################################
#
# onvifd
#
################################################################################

ONVIFD_VERSION = 0.1.0
# The repository that this br2-external tree is in.
ONVIFD_SITE = $(BR2_EXTERNAL_ONVIFD_PATH)/..
ONVIFD_SITE_METHOD = local
ONVIFD_OVERRIDE_SRCDIR_RSYNC_EXCLUSIONS = \
	--exclude '/.*' \
	--exclude /build \
	--exclude /buildroot \
	--exclude /onvifd.egg-info \
	--exclude /tests
ONVIFD_SETUP_TYPE = setuptools
ONVIFD_LICENSE = Apache-2.0
ONVIFD_LICENSE_FILES = LICENSE

ONVIFD_STATE_DIR = $(call qstrip,$(BR2_PACKAGE_ONVIFD_STATE_DIR))
ONVIFD_WEB_SERVER = $(if $(BR2_PACKAGE_ONVIFD_LIGHTTPD),lighttpd,nginx)

define ONVIFD_INSTALL_CONFIG
	$(INSTALL) -D -m 0644 $(@D)/etc/onvifd.toml $(TARGET_DIR)/etc/onvifd/onvifd.toml
	$(SED) 's|^state_dir = "[^"]*"|state_dir = "$(ONVIFD_STATE_DIR)"|' \
		-e 's|^server = "[^"]*"|server = "$(ONVIFD_WEB_SERVER)"|' \
		$(TARGET_DIR)/etc/onvifd/onvifd.toml
	$(INSTALL) -d -m 0755 $(TARGET_DIR)$(dir $(ONVIFD_STATE_DIR))
endef
ONVIFD_POST_INSTALL_TARGET_HOOKS += ONVIFD_INSTALL_CONFIG

define ONVIFD_USERS
	onvifd -1 onvifd -1 * - - - ONVIF TLS configuration
endef

# The state directory is the one of an image without a partition for it: what
# is mounted there hides it, and the init script or systemd makes it at boot.
define ONVIFD_PERMISSIONS
	/etc/onvifd d 755 root root - - - - -
	/etc/onvifd/onvifd.toml f 644 root root - - - - -
	$(ONVIFD_STATE_DIR) d 700 onvifd onvifd - - - - -
endef

define ONVIFD_INSTALL_INIT_SYSV
	$(INSTALL) -D -m 0755 $(@D)/etc/init.d/onvifd $(TARGET_DIR)/etc/init.d/S60onvifd
endef

define ONVIFD_INSTALL_INIT_SYSTEMD
	$(INSTALL) -D -m 0644 $(@D)/etc/systemd/onvifd.service \
		$(TARGET_DIR)/usr/lib/systemd/system/onvifd.service
	$(ONVIFD_INSTALL_STATE_DIR_SYSTEMD)
	$(ONVIFD_KEEP_WEB_SERVER_FROM_STARTING_SYSTEMD)
endef

# systemd's StateDirectory= is always in /var/lib.
ifneq ($(ONVIFD_STATE_DIR),/var/lib/onvifd)
define ONVIFD_INSTALL_STATE_DIR_SYSTEMD
	$(INSTALL) -D -m 0644 $(ONVIFD_PKGDIR)/state.conf \
		$(TARGET_DIR)/usr/lib/systemd/system/onvifd.service.d/state.conf
	$(INSTALL) -D -m 0644 $(ONVIFD_PKGDIR)/tmpfiles.conf \
		$(TARGET_DIR)/usr/lib/tmpfiles.d/onvifd.conf
	$(SED) 's|@STATE_DIR@|$(ONVIFD_STATE_DIR)|' \
		$(TARGET_DIR)/usr/lib/systemd/system/onvifd.service.d/state.conf \
		$(TARGET_DIR)/usr/lib/tmpfiles.d/onvifd.conf
endef
endif

# The web server's package would start a second one, which takes port 80 first.
ifeq ($(BR2_PACKAGE_ONVIFD_MANAGED),y)
define ONVIFD_KEEP_WEB_SERVER_FROM_STARTING_SYSTEMD
	$(INSTALL) -d -m 0755 $(TARGET_DIR)/usr/lib/systemd/system-preset
	echo "disable $(ONVIFD_WEB_SERVER).service" \
		>$(TARGET_DIR)/usr/lib/systemd/system-preset/40-onvifd.preset
endef

define ONVIFD_KEEP_WEB_SERVER_FROM_STARTING_SYSV
	$(RM) $(TARGET_DIR)/etc/init.d/S50$(ONVIFD_WEB_SERVER)
endef
ONVIFD_TARGET_FINALIZE_HOOKS += ONVIFD_KEEP_WEB_SERVER_FROM_STARTING_SYSV
endif

$(eval $(python-package))
