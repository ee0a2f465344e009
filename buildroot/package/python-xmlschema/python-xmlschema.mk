################################################################################
#
# python-xmlschema
#
################################################################################

PYTHON_XMLSCHEMA_VERSION = 4.3.2
PYTHON_XMLSCHEMA_SOURCE = xmlschema-$(PYTHON_XMLSCHEMA_VERSION).tar.gz
PYTHON_XMLSCHEMA_SITE = $(ONVIFD_PYTHON_SITE)/55/f0/2431c2c8f77326757f2e2b1d79226c17b2abfe44a78a41c7d7b944e90732
PYTHON_XMLSCHEMA_SETUP_TYPE = setuptools
PYTHON_XMLSCHEMA_LICENSE = MIT
PYTHON_XMLSCHEMA_LICENSE_FILES = LICENSE

$(eval $(python-package))
