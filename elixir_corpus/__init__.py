"""The console command: every command of the project under one name."""
