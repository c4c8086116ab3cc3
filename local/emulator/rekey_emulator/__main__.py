"""`python -m rekey_emulator`: same environment and arguments as `ministack`."""
import ministack.app as app

from . import patches

patches.install()
app.main()
