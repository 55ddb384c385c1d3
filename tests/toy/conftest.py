"""The files of the toy subject are tested in a copy of the program, and nowhere else."""

collect_ignore = ["notes"]
