"""The br2-external tree, read and run without Buildroot."""

import re
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TREE = REPOSITORY / "buildroot"

# What Buildroot provides around the recipe of a package. $(@D) is where the package was built.
_MAKEFILE = """
qstrip = $(strip $(subst ",,$(1)))
INSTALL = install
SED = sed -i -e
RM = rm -f
ONVIFD_PKGDIR = $(BR2_EXTERNAL_ONVIFD_PATH)/package/onvifd
include $(BR2_EXTERNAL_ONVIFD_PATH)/package/onvifd/onvifd.mk
define newline


endef
run = $(foreach hook,$(1),$(call $(hook))$(newline))

.PHONY: $(ONVIFD_SITE)/install users permissions
install: $(ONVIFD_SITE)/install
$(ONVIFD_SITE)/install:
	$(call run,$(ONVIFD_POST_INSTALL_TARGET_HOOKS))
	$(ONVIFD_INSTALL_INIT_$(INIT))
	$(call run,$(ONVIFD_TARGET_FINALIZE_HOOKS))
users:
	$(info $(ONVIFD_USERS))
permissions:
	$(info $(ONVIFD_PERMISSIONS))
"""


def variables(package: str) -> dict[str, str]:
    """The variables of a package's .mk that fit on a line, without the package's prefix."""
    text = (TREE / "package" / package / f"{package}.mk").read_text()
    prefix = package.upper().replace("-", "_")
    return dict(re.findall(rf"^{prefix}_(\w+) = (.*)$", text, re.MULTILINE))


def make(goal: str, directory: Path, **settings: str) -> str:
    """Run a goal around onvifd's recipe with settings of Kconfig; directory/target is the image's root."""
    makefile = directory / "Makefile"
    makefile.write_text(_MAKEFILE)
    given = {"BR2_EXTERNAL_ONVIFD_PATH": str(TREE), "TARGET_DIR": str(directory / "target")} | settings
    run = subprocess.run(
        ["make", "--silent", "--no-print-directory", "-f", str(makefile), goal]
        + [f"{name}={value}" for name, value in given.items()],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout
