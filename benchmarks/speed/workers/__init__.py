"""This project's side of each measurement, in separate worker processes like the peers."""
