"What no single notebook can test, and the checks that hold the standard of all of them."
