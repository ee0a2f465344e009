################################################################################
#
# python-elementpath
#
################################################################################

PYTHON_ELEMENTPATH_VERSION = 5.1.4
PYTHON_ELEMENTPATH_SOURCE = elementpath-$(PYTHON_ELEMENTPATH_VERSION).tar.gz
PYTHON_ELEMENTPATH_SITE = $(ONVIFD_PYTHON_SITE)/69/9d/766386c47959bb8b014242af8770c869350884a3c3f7054375576e11f30a
PYTHON_ELEMENTPATH_SETUP_TYPE = setuptools
PYTHON_ELEMENTPATH_LICENSE = MIT
PYTHON_ELEMENTPATH_LICENSE_FILES = LICENSE

$(eval $(python-package))
