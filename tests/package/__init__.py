"""What is built is installed and used, each on the system it is for, as far as that can be had here: ``make test-packages``."""
