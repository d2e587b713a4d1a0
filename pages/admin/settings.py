from distiller.ui.shell import guard

here = guard("Settings")
