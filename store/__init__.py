"""What is kept: tables, the two doors, and statements by subject. All SQL of the house stands here."""
