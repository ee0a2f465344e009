# Where Buildroot gets the sources of its own Python packages. It has no
# variable for that, but python-falcon, which onvifd needs anyway, comes from
# there. BR2_PRIMARY_SITE is asked first, as for every package.
ONVIFD_PYTHON_SITE = $(firstword $(subst /packages/, ,$(PYTHON_FALCON_SITE)))/packages

include $(sort $(wildcard $(BR2_EXTERNAL_ONVIFD_PATH)/package/*/*.mk))
