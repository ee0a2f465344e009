"""A device in QEMU: the image that a camera maker would ship, as small as can be, booted, driven, its power cut."""
