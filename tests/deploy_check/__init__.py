"""Both stacks really deployed, changed and destroyed, in an emulator on this machine."""
