"What the Makefile and the tests share: reading, running and rendering the notebooks. Not part of the package."
