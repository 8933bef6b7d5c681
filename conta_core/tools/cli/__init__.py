"""The console command ``conta``: one module a subcommand."""
