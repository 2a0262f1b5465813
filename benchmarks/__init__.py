"Side by side with others, in one run: `make bench`."
