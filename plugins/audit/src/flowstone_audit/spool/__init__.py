"""The spool: entries on their way into the database, durable in files of the process that made them."""
